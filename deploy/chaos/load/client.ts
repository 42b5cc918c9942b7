/**
 * One client of an account: stays connected, goes to another gateway when its connection ends or its patience does,
 * and sends one update after the other, each with a number of its own. Two clients make an account's load.
 */
import { pause } from "../../../shared/backoff.ts";
import type { History, Tag } from "../history.ts";
import type { Random } from "../random.ts";
import { type Answer, type ChaosConnection, openConnection, type Update } from "./connection.ts";

/** What all clients of a run share. */
export interface LoadContext {
  history: History;
  random: Random;
  /** How often an answer is not waited for to the end: from 0 to 1. */
  haste: number;
  gateways: readonly { name: string; url(): string }[];
  nextConnection(): number;
  /** Nothing more is begun. */
  signal: AbortSignal;
  /** Connections are given up. */
  ended: AbortSignal;
}

/** The name of a client that never leaves its gateway. */
export const LOYAL = "loyal";

export interface ClientOptions {
  account: string;
  /** Its name among the account's clients; `LOYAL`: it tries no other gateway. */
  name: string;
  login: object;
  /** Index of the gateway that it tries first. */
  gateway: number;
  /** Pause between commands, about; ms. */
  everyMs: number;
  fields: readonly Update["field"][];
}

/** Longer than a gateway takes to say that there is no answer. */
export const PATIENT_MS = 15_000;
const HASTY_MS = [500, 4_000] as const;
const AGAIN_MS = 150;
/** Commands that are sent without waiting for the one before. */
const MANY = 3;
const MANY_AT_ONCE = 0.15;

/** Runs until the load ends, and keeps listening until `ended`. */
export async function runClient(context: LoadContext, options: ClientOptions): Promise<void> {
  const { signal, gateways, nextConnection, history, ended } = context;
  const { account, name } = options;
  let seq = 0;
  const nextTag = (): Tag => ({ client: name, seq: ++seq });
  for (let turn = options.gateway; !signal.aborted; turn += name === LOYAL ? 0 : 1) {
    const gateway = gateways[turn % gateways.length]!;
    const about = { account, client: name, number: nextConnection(), history };
    const connection = await openConnection({ ...about, url: gateway.url(), gateway: gateway.name });
    if (connection !== null && (await logIn(context, connection, options.login))) {
      await sendUpdates(context, options, connection, nextTag);
      if (connection.isOpen() && signal.aborted) {
        // What comes now shows whether it converges.
        await untilAborted(ended);
        connection.end();
        return;
      }
    }
    connection?.end();
    await pause(AGAIN_MS * (0.5 + context.random.next()), signal);
  }
}

async function logIn(context: LoadContext, connection: ChaosConnection, login: object): Promise<boolean> {
  const { outcome } = await connection.logIn(login, patience(context));
  return outcome === "success";
}

async function sendUpdates(
  context: LoadContext,
  options: ClientOptions,
  connection: ChaosConnection,
  nextTag: () => Tag,
): Promise<void> {
  const { random, signal } = context;
  while (connection.isOpen() && !signal.aborted) {
    const count = random.chance(MANY_AT_ONCE) ? MANY : 1;
    const asked = Array.from({ length: count }, () => {
      const update = { field: random.pick(options.fields), tag: nextTag() };
      return connection.ask("user.update", bodyOf(update), patience(context), update);
    });
    const answers = await Promise.all(asked);
    if (answers.some(isTheEnd)) return;
    await pause(options.everyMs * (0.5 + random.next()), signal);
  }
}

function isTheEnd({ outcome }: Answer): boolean {
  return outcome === "closed" || outcome === "late";
}

function bodyOf({ field, tag }: Update): object {
  return field === "profile" ? { profile: { tag } } : { client_state: { tag } };
}

function patience({ random, haste }: LoadContext): number {
  return random.chance(haste) ? random.whole(...HASTY_MS) : PATIENT_MS;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
