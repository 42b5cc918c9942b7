/**
 * Users on the project's own client, each with two connections: updates are called on one and watched on the other,
 * which also fetches. They come back by themselves when a gateway goes.
 */
import { randomUUID } from "node:crypto";
import { connectFoyer, type FoyerClient } from "../../shared/client/connect.ts";
import { closeCodes } from "../../shared/protocol/close-codes.ts";
import { inParallel } from "../guest.ts";
import { createHistogram, recordMs } from "../report.ts";
import type { Service } from "./service.ts";

/** A user, and what is known of its updates; they count from 1. */
interface Member {
  writer: FoyerClient;
  watcher: FoyerClient;
  id: string;
  sent: number;
  acknowledged: number;
  /** In the last state that was shown to the watching connection. */
  seen: number;
  isBusy: boolean;
}

const TICK_MS = 10;
const SETTLE_MS = 30_000;

export class Crowd {
  readonly answers = createHistogram();
  readonly broken = new Map<string, number>();
  /** How long clients wait that were sent away with 1012, in ms. */
  readonly waits: number[] = [];
  /** Times from the end of a connection until its client was logged in again, in ms. */
  readonly away = createHistogram();
  calls = 0;
  readonly #service: Service;
  #members: Member[] = [];
  #isOver = false;
  #under = 0;

  constructor(service: Service) {
    this.#service = service;
  }

  /** Logs everybody in. */
  async gather(connections: number, atOnce: number): Promise<void> {
    this.#members = await inParallel(connections >> 1, atOnce, () => this.#join());
  }

  /** Calls so many commands a second, half of them updates, until `signal` aborts; then waits until all is answered. */
  async callAtRate(rate: number, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    let next = 0;
    while (!signal.aborted) {
      const due = ((performance.now() - began) / 1_000) * rate;
      for (let looked = 0; this.calls < due && looked < this.#members.length; looked++) {
        const member = this.#members[next++ % this.#members.length]!;
        if (member.isBusy) continue;
        void this.#use(member);
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    const end = performance.now() + SETTLE_MS;
    const isSettled = () => this.#under === 0 && this.#members.every(({ seen, sent }) => seen === sent);
    while (!isSettled() && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }

  /** Compares what was acknowledged with what was shown, and with what is stored. */
  async compare(atOnce: number): Promise<void> {
    if (this.#under > 0) this.#fail("a command was never answered", this.#under);
    await inParallel(this.#members.length, atOnce, async (i) => {
      const { watcher, id, acknowledged, seen } = this.#members[i]!;
      if (seen !== acknowledged) this.#fail("the watching connection does not show the last state");
      const { profile } = (await watcher.call("user.fetch", { id })) as { profile: { n?: number } };
      if ((profile.n ?? 0) !== acknowledged) this.#fail("what is stored is not the last acknowledged update");
    });
  }

  leave(): void {
    this.#isOver = true;
    this.#service.close();
    for (const { writer, watcher } of this.#members) for (const client of [writer, watcher]) client.close();
  }

  async #join(): Promise<Member> {
    const login = { client_id: randomUUID() };
    const [writer, watcher] = [this.#connect(login), this.#connect(login)];
    const { "user.config": user } = await writer.ready;
    await watcher.ready;
    const member = { writer, watcher, id: user.id, sent: 0, acknowledged: 0, seen: 0, isBusy: false };
    watcher.on("user.updated", ({ profile }) => {
      const { n = 0 } = profile as { n?: number };
      if (n === member.seen) this.#fail("an update was shown twice");
      this.#show(member, n);
    });
    watcher.on("reconnected", ({ "user.config": { profile } }) => {
      this.#show(member, (profile as { n?: number }).n ?? 0);
    });
    return member;
  }

  #connect(login: { client_id: string }): FoyerClient {
    const client = connectFoyer("ws://127.0.0.1/", { login, WebSocket: this.#service.webSocket() });
    let lostAt = 0;
    client.on("lost", ({ code, waitMs }) => {
      lostAt ||= performance.now();
      if (code === closeCodes.restart) this.waits.push(waitMs);
    });
    client.on("reconnected", () => {
      recordMs(this.away, performance.now() - lostAt);
      lostAt = 0;
    });
    client.on("closed", ({ code }) => {
      if (!this.#isOver) this.#fail(`a client gave up, closed with ${code}`);
    });
    client.on("reload", () => this.#fail("a client was told to reload"));
    client.on("frame", (text) => {
      // The client tries again where that helps; here it should never have to.
      if (text.startsWith('["error"'))
        this.#fail(`a client was told ${/"code":"([a-z_.]+)"/.exec(text)?.[1]}`);
    });
    return client;
  }

  #show(member: Member, n: number): void {
    if (n < member.seen) this.#fail("an older state was shown after a newer one");
    if (n > member.sent) this.#fail("a state was shown that nobody wrote");
    member.seen = Math.max(member.seen, n);
  }

  async #use(member: Member): Promise<void> {
    member.isBusy = true;
    const isUpdate = this.calls++ % 2 === 0;
    const began = performance.now();
    this.#under++;
    try {
      if (isUpdate) await this.#update(member);
      else await this.#fetch(member);
      recordMs(this.answers, performance.now() - began);
    } catch (error) {
      this.#fail(`a command failed: ${(error as Error).message}`);
    }
    this.#under--;
    member.isBusy = false;
  }

  async #update(member: Member): Promise<void> {
    const n = ++member.sent;
    await member.writer.call("user.update", { profile: { display_name: "One of many", n } });
    member.acknowledged = n;
  }

  async #fetch(member: Member): Promise<void> {
    const { acknowledged } = member;
    const { profile } = (await member.watcher.call("user.fetch", { id: member.id })) as {
      profile: { n?: number };
    };
    if ((profile.n ?? 0) < acknowledged) this.#fail("an acknowledged update was not there any more");
  }

  #fail(what: string, times = 1): void {
    this.broken.set(what, (this.broken.get(what) ?? 0) + times);
  }
}
