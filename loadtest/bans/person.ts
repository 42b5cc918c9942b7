/** Somebody who is banned: connections on both gateways that are busy, and logins on their way. */
import { randomUUID } from "node:crypto";
import type { TestGateway } from "../../shared/testing/node.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import type { Arena } from "./arena.ts";
import { type Frame, WatchedConnection, type Work } from "./watched-connection.ts";

/** What the connections do, by gateway; `nothing` logs in when the ban comes. */
const nearWork: Work[] = ["updates", "lists", "nothing"];
const farWork: Work[] = ["updates", "updates", "fetches", "nothing"];

/** So many answers each has had before: then commands are under way at every place between client and database. */
const LEAST_ANSWERS = 3;

const COMING_MS = 60_000;

export class Person {
  readonly id: string;
  readonly payload: { client_id: string };
  readonly connections: WatchedConnection[];
  /** In all that is sent after the ban was answered. */
  readonly mark: string;

  private constructor(payload: Person["payload"], mark: string, connections: WatchedConnection[]) {
    this.payload = payload;
    this.mark = mark;
    this.connections = connections;
    this.id = this.busy[0]!.user!;
  }

  /** Comes in, and is busy. */
  static async come(arena: Arena, payload: Person["payload"] = { client_id: randomUUID() }): Promise<Person> {
    const mark = `late-${randomUUID()}`;
    const open = (gateway: TestGateway, works: Work[]) =>
      works.map((work) => WatchedConnection.open(gateway, work, mark));
    const connections = await Promise.all([...open(arena.near, nearWork), ...open(arena.far, farWork)]);
    const busy = connections.filter(({ work }) => work !== "nothing");
    for (const connection of busy) connection.logIn(payload);
    const isBusy = () => busy.every(({ user, answers }) => user !== null && answers >= LEAST_ANSWERS);
    await waitFor("everybody to be busy", isBusy, COMING_MS).catch((error: Error) => {
      const states = busy.map(({ work, user, refusal, answers, closed }) => ({
        work,
        user,
        refusal,
        answers,
        closed,
      }));
      throw new Error(`${error.message}: ${JSON.stringify(states)}`);
    });
    return new Person(payload, mark, connections);
  }

  /** The connections that were logged in before. */
  get busy(): WatchedConnection[] {
    return this.connections.filter(({ work }) => work !== "nothing");
  }

  get late(): WatchedConnection[] {
    return this.connections.filter(({ work }) => work === "nothing");
  }

  /** Sends the logins: the first at once, each further one a moment later. */
  async logInMeanwhile(): Promise<void> {
    for (const connection of this.late) {
      connection.logIn(this.payload);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
    }
  }

  /**
   * The moderator has read `success`.
   *
   * @param busy what may come on connections that were logged in before
   * @param late and on the others
   * @param somebodyElse and on those of them whose login has made an account of its own by now
   */
  answered(
    busy: (frame: Frame) => boolean,
    late: (frame: Frame) => boolean,
    somebodyElse: (frame: Frame) => boolean = late,
  ): void {
    for (const connection of this.busy) connection.answered(busy);
    for (const connection of this.late) {
      const isPerson = connection.user === null || connection.user === this.id;
      connection.answered(isPerson ? late : somebodyElse);
    }
  }

  quiet(): void {
    for (const connection of this.connections) connection.quiet();
  }

  get faults(): string[] {
    return this.connections.flatMap(({ faults }) => faults);
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }
}
