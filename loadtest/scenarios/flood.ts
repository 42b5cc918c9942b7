/**
 * `flood`: people come at a steady rate, and stay, and ask now and then, until the slowest in a hundred waits longer
 * than may be; then says how many were held. Latencies count from when each was due.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { KindTotals } from "../recorder.ts";
import { createHistogram, round, summarize } from "../report.ts";
import { gather, type Load } from "./load.ts";

/** What the command line says about it. */
export interface FloodOptions {
  /** Joins a second. */
  rate: number;
  untilP99Ms: number;
}

/** Judged over so long: a single slow second is none. */
const WINDOW_S = 5;
/** Each who is there asks so often, and pings. */
const FETCH_EVERY_S = 60;
const PING_EVERY_S = 25;
const GRACE_MS = 12_000;
/** What somebody waits for. */
const WAITED = ["join", "fetch", "ping"];

/** Runs it. */
export async function runFlood(
  load: Load,
  { rate, untilP99Ms }: FloodOptions,
): Promise<Record<string, unknown>> {
  const { run, clients } = load;
  run.note(`${rate} join a second, ${clients} at most`);
  const began = run.at();
  let isOver = false;
  const joining = gather(load, { group: "crowd", pace: { rate } }).finally(() => {
    isOver = true;
  });
  let held = 0;
  let p99 = 0;
  // The first logins of a cluster open its links to Postgres and compile its code: they are no sign of how many it holds.
  await use(load, WINDOW_S);
  while (!isOver) {
    const from = run.at();
    await use(load, WINDOW_S);
    p99 = slowest(run.since(from));
    const connected = await run.crew.count("crowd");
    if (p99 > untilP99Ms) {
      run.note(`p99 is ${p99} ms with ${connected} connected: that is too much`);
      await run.crew.stop();
      break;
    }
    held = connected;
  }
  await joining;
  // All are in: they stay a while, so that the last of them are judged too.
  if (p99 <= untilP99Ms) {
    const from = run.at();
    await use(load, WINDOW_S);
    p99 = slowest(run.since(from));
    if (p99 <= untilP99Ms) held = await run.crew.count("crowd");
  }
  const failed = failures(run.since(began));
  run.note(`${held} held${failed.length > 0 ? `; ${failed.join(", ")}` : ""}`);
  return { held, joinsASecond: rate, p99: round(p99), untilP99Ms, failed };
}

/** Those who are there do what they do. */
async function use({ run }: Load, seconds: number): Promise<void> {
  const connected = await run.crew.count("crowd");
  if (connected === 0) return void (await sleep(seconds * 1000));
  const rates = { fetch: connected / FETCH_EVERY_S, ping: connected / PING_EVERY_S };
  await run.crew.open({ group: "crowd", rates, seconds, graceMs: GRACE_MS });
}

/** What did not go well, each with how often. */
function failures(kinds: ReadonlyMap<string, KindTotals>): string[] {
  return [...kinds].flatMap(([kind, { outcomes }]) =>
    [...outcomes]
      .filter(([outcome]) => outcome !== "success")
      .map(([outcome, count]) => `${kind}: ${outcome} (${count} times)`),
  );
}

function slowest(kinds: ReadonlyMap<string, KindTotals>): number {
  const all = createHistogram();
  for (const kind of WAITED) all.add(kinds.get(kind)?.histogram ?? createHistogram());
  return summarize(all).p99;
}
