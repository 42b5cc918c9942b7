/** People who count while Redis fails or changes its shape, and what has to hold of what they see. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type postgres from "postgres";
import type { Test } from "tap";
import type { Frame } from "../../shared/testing/client.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { logIn, type Nodes, type Person } from "./redis-suite.ts";

/** Fan-out has to work again within this time, or the gateways say that they are not ready. */
const BACK_MS = 5_000;
const EVERY_MS = 25;
/** Everything is slow on a small machine that does much else. */
const DEADLINE_MS = 30_000;

/** Somebody who counts up in the profile over one gateway, and watches that over the other. */
interface Counter {
  writer: Person;
  watcher: Person;
  /** When each number was first sent; by `performance.now()`, as all times here. */
  sentAt: Map<number, number>;
  /** The last number that was answered with success. */
  answered: number;
  heard: { n: number; at: number }[];
}

/** What the gateways said of themselves, again and again. */
interface ReadyLog {
  said: { at: number; reasons: string[] }[];
  stop(): Promise<void>;
}

/** Somebody who is ready to count. */
export async function startCounter({ near, far }: Nodes): Promise<Counter> {
  const payload = { client_id: randomUUID() };
  const [writer, watcher] = await Promise.all([logIn(near, payload), logIn(far, payload)]);
  const counter: Counter = { writer, watcher, sentAt: new Map(), answered: 0, heard: [] };
  watcher.socket.on("message", (data: Buffer) => {
    const [action, body] = JSON.parse(data.toString()) as Frame;
    if (action === "user.updated") counter.heard.push({ n: body.profile.n, at: performance.now() });
  });
  return counter;
}

/** Sends each number until it is answered with success, as a client may. */
export async function count(counter: Counter, signal: AbortSignal): Promise<void> {
  for (let n = 1; !signal.aborted; n++) {
    counter.sentAt.set(n, performance.now());
    for (let ok = false; !ok; ) {
      ({ ok } = await counter.writer.ask("user.update", { profile: { n } }));
      await pause(EVERY_MS);
      if (signal.aborted) break;
    }
    counter.answered = n;
  }
}

/** When the watcher first heard of something that was sent after this moment. */
function backAt({ sentAt, heard }: Counter, moment: number): number | undefined {
  return heard.find(({ n }) => sentAt.get(n)! > moment)?.at;
}

/** Asks the gateways again and again whether they are ready. */
export function watchReadiness({ near, far }: Nodes): ReadyLog {
  const said: ReadyLog["said"] = [];
  let isOn = true;
  const watch = async () => {
    for (; isOn; await pause(100)) {
      const answers = await Promise.all([near, far].map(async ({ ops }) => readReasons(ops)));
      const reasons = answers.flat();
      said.push({ at: performance.now(), reasons });
    }
  };
  const watching = watch();
  return {
    said,
    async stop() {
      isOn = false;
      await watching;
    },
  };
}

async function readReasons(ops: string): Promise<string[]> {
  try {
    const answer = (await (await fetch(`${ops}/readyz`)).json()) as { reasons?: string[] };
    return answer.reasons ?? [];
  } catch {
    return ["gone"];
  }
}

/**
 * Waits until everybody was heard of something sent after `moment`, by `performance.now()`, and ends `ready`: where that
 * took too long, a gateway has to have said so. @returns ms since then
 */
export async function untilBack(
  t: Test,
  counters: readonly Counter[],
  ready: ReadyLog,
  moment: number,
): Promise<number> {
  await waitFor(
    "fan-out to work again",
    () => counters.every((one) => backAt(one, moment) !== undefined),
    DEADLINE_MS,
  );
  await ready.stop();
  const backMs = Math.max(...counters.map((one) => backAt(one, moment)! - moment));
  const keptQuiet = ready.said.filter(
    ({ at, reasons }) => at > moment + BACK_MS && at < moment + backMs && reasons.length === 0,
  );
  t.same(keptQuiet, [], "where it was not back, a gateway said so");
  return backMs;
}

/** Holds what they were told against what is stored: nothing lost, doubled, or out of order. They leave. */
export async function checkCounters(t: Test, sql: postgres.Sql, counters: readonly Counter[]): Promise<void> {
  for (const counter of counters) {
    await waitFor(
      "the last number to arrive",
      () => counter.heard.at(-1)?.n === counter.answered,
      DEADLINE_MS,
    );
    const numbers = counter.heard.map(({ n }) => n);
    t.same(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
      "never backwards, none twice",
    );
    const { id } = counter.writer;
    const [row] = await sql`select profile->>'n' as n, version from users where id = ${id}`;
    t.equal(Number(row!.n), counter.answered, "what was answered is there");
    const effects = await sql`select a.data->'new'->>'n' as n, l.position from audit_log a
      join command_log l using (command_id) where a.user_id = ${id} order by a.id`;
    t.same(
      effects.map(({ n }) => Number(n)),
      Array.from({ length: counter.answered }, (_, i) => i + 1),
      "each took effect once, in order",
    );
    const positions = effects.map(({ position }) => position as string);
    t.same(positions, [...positions].sort(), "later commands have later places");
    for (const person of [counter.writer, counter.watcher]) person.end();
  }
}
