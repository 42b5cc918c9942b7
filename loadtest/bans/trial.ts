/**
 * One trial with all gateways alive. At the moment at which the moderator's `success` is read, every gateway is
 * stopped (SIGSTOP), so that whatever is read from then on was sent before: each connection's end has to be among
 * it. Only then the gateways run on, with the commands that were sent after the ban.
 */
import { closeCodes } from "../../shared/protocol/close-codes.ts";
import type { TestGateway } from "../../shared/testing/node.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import type { Arena } from "./arena.ts";
import type { Outcome } from "./moderator.ts";
import type { Person } from "./person.ts";
import type { Frame, WatchedConnection } from "./watched-connection.ts";

/** What locks somebody out, or cuts off at least. */
export type Action = "user.ban" | "user.silence" | "user.delete";

/** How long the end of a connection may take to be read when its gateway has sent it: a machine may be busy. */
const READ_MS = 2_000;

/** A machine that is busy with others may take its time for what has no bound of its own. */
export const PATIENCE_MS = 60_000;

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
  const meddling = meddle(arena, person);
  if (stopFarForMs > 0) {
    arena.far.process.kill("SIGSTOP");
    setTimeout(() => arena.far.process.kill("SIGCONT"), stopFarForMs);
  }
  const logins = person.logInMeanwhile();
  let judging = Promise.resolve();
  const outcome = await arena.moderator.ask(action, { id: person.id }, () => {
    judging = judgeFrozen([arena.near, arena.far], person, () => {
      const letIn = person.late.filter(({ user }) => user === person.id && !isSilence(action));
      return [...person.busy, ...letIn];
    });
    // Whoever logs in between a deletion and its answer has a new account already, and may do anything with it.
    const somebodyElse = action === "user.delete" ? () => true : undefined;
    person.answered(() => false, mayComeLate(person, action), somebodyElse);
    meddling.answered();
  });
  await judging;
  if (outcome.error !== null) meddling.answered();
  await logins;
  await meddling.over;
  await judgeEnds(person, action);
  return outcome;
}

/**
 * Stops gateways at once, reads what they had sent, and looks whether that was the end; then lets them run on.
 *
 * @param lockedOut asked when all is read: whoever must be cut off by then
 */
export async function judgeFrozen(
  gateways: readonly TestGateway[],
  person: Person,
  lockedOut: () => WatchedConnection[],
): Promise<void> {
  for (const gateway of gateways) freeze(gateway, 1);
  const end = performance.now() + READ_MS;
  const isTurn = () => new Promise((resolve) => setImmediate(resolve));
  while (!lockedOut().every(({ isCutOff }) => isCutOff) && performance.now() < end) await isTurn();
  for (let turn = 0; turn < TURNS; turn++) await isTurn();
  for (const connection of lockedOut()) if (!connection.isCutOff) connection.notCutOff();
  person.quiet();
  for (const gateway of gateways) freeze(gateway, -1);
}

/** How many trials want a gateway to stand still. */
const frozen = new WeakMap<TestGateway, number>();

function freeze(gateway: TestGateway, by: 1 | -1): void {
  const count = (frozen.get(gateway) ?? 0) + by;
  frozen.set(gateway, count);
  if (count === 0) gateway.process.kill("SIGCONT");
  else if (count === 1 && by === 1) gateway.process.kill("SIGSTOP");
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
  await waitFor("all connections to end", () => busyHaveEnded() && loginsAreDecided(), PATIENCE_MS).catch(
    () => {
      // Judged below, connection by connection.
    },
  );
  for (const connection of person.busy) {
    connection.judgeEnd(connection.isListing ? listCodes : [closeCodes.reload]);
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

function isSilence(action: Action): boolean {
  return action === "user.silence";
}
