/**
 * One trial with all gateways alive. At the moment at which the moderator's `success` is read, every gateway is
 * stopped (SIGSTOP), so that whatever is read from then on was sent before: each connection's end has to be among
 * it. Only then the gateways run on, with the commands that were sent after the ban.
 */
import { closeCodes } from "../../shared/protocol/close-codes.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import type { Arena } from "./arena.ts";
import type { Outcome } from "./moderator.ts";
import type { Person } from "./person.ts";
import type { Frame, WatchedConnection } from "./watched-connection.ts";

/** What locks somebody out, or cuts off at least. */
export type Action = "user.ban" | "user.silence" | "user.delete";

/** How long the end of a connection may take to be read when its gateway has sent it: a machine may be busy. */
const READ_MS = 2_000;

/** In one turn of the event loop everything that has come on a socket is read, up to 64 KB. */
const TURNS = 4;

/** Whatever a list in parts was cut off in, it never ends in order. */
const cutCodes = [closeCodes.reload, 1006];

/** @returns what the moderator was told; faults are kept in the person's connections */
export async function tryOnce(
  arena: Arena,
  person: Person,
  action: Action,
  stopFarForMs = 0,
): Promise<Outcome> {
  const gateways = [arena.near, arena.far];
  const meddling = meddle(arena, person);
  if (stopFarForMs > 0) {
    arena.far.process.kill("SIGSTOP");
    setTimeout(() => arena.far.process.kill("SIGCONT"), stopFarForMs);
  }
  const logins = person.logInMeanwhile();
  const outcome = await arena.moderator.ask(action, { id: person.id }, () => {
    for (const gateway of gateways) gateway.process.kill("SIGSTOP");
    person.answered(() => false, mayComeLate(person, action));
    meddling.answered();
  });
  await untilCutOff(person.busy);
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
  const lockedOut = [
    ...person.busy,
    ...person.late.filter(({ user }) => user === person.id && !isSilence(action)),
  ];
  for (const connection of lockedOut) if (!connection.isCutOff) connection.notCutOff();
  person.quiet();
  for (const gateway of gateways) gateway.process.kill("SIGCONT");
  await logins;
  await meddling.over;
  await judgeEnds(person, action);
  return outcome;
}

/** Waits until all connections are at their end, and judges how they got there. */
export async function judgeEnds(
  person: Person,
  action: Action,
  listCodes: readonly number[] = cutCodes,
): Promise<void> {
  const busyHaveEnded = () => person.busy.every(({ closed }) => closed !== null);
  const loginsAreDecided = () =>
    person.late.every(({ closed, user, refusal }) => closed !== null || user !== null || refusal !== null);
  await waitFor("all connections to end", () => busyHaveEnded() && loginsAreDecided()).catch(() => {
    // Judged below, connection by connection.
  });
  for (const connection of person.busy) {
    connection.judgeEnd(connection.work === "lists" ? listCodes : [closeCodes.reload]);
  }
  for (const connection of person.late) {
    if (connection.refusal !== null) connection.judgeRefusal("auth.denied");
    else if (connection.user === person.id && !isSilence(action)) connection.judgeEnd([closeCodes.reload]);
  }
  person.close();
}

/** Changes the person's profile all the time, until one change that was asked after the ban is answered. */
export function meddle({ meddler }: Arena, person: Person) {
  let by = "the meddler";
  const run = async () => {
    for (let n = 1, isLast = false; !isLast; n++) {
      isLast = by === person.mark;
      await meddler.ask("user.admin.update", { id: person.id, profile: { display_name: "Somebody", by, n } });
    }
  };
  return {
    over: run(),
    answered: () => {
      by = person.mark;
    },
  };
}

/** Whoever was silenced may come back at once; whoever was deleted comes back as somebody else. */
export function mayComeLate(person: Person, action: Action) {
  return ([name, body]: Frame): boolean => {
    if (isSilence(action)) return true;
    if (name === "authenticated") return action === "user.delete" && body["user.config"].id !== person.id;
    return name === "error";
  };
}

export function isSilence(action: Action): boolean {
  return action === "user.silence";
}

async function untilCutOff(connections: readonly WatchedConnection[]): Promise<void> {
  const end = performance.now() + READ_MS;
  while (!connections.every(({ isCutOff }) => isCutOff) && performance.now() < end) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
