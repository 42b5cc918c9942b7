/**
 * `fetch`: how many user.fetch a second the cluster answers, as a share of what a bare echo server does on the same
 * machine with the same generators. The two take turns, so that whatever else the machine does hits both.
 */
import type { Kinds } from "../generator/crew.ts";
import type { DialectName } from "../generator/plans.ts";
import { startPeer } from "../peers.ts";
import { createHistogram, median, round, summarize } from "../report.ts";
import { gather, type Load } from "./load.ts";

/** What the command line says about it. */
export interface FetchOptions {
  /** Seconds before each round that do not count. */
  warmUpSeconds: number;
  rounds: number;
  /** Least share of the echo's rate; below, a promise is broken. */
  minRatio: number;
  /** How long an answer that is outstanding at the end of a round may take. */
  graceMs: number;
}

/** Bytes of the answer to a user.fetch of somebody with a short profile. */
const ANSWER_BYTES = 250;

/** Runs it. */
export async function runFetch(load: Load, options: FetchOptions): Promise<Record<string, unknown>> {
  const { run, seconds } = load;
  const { warmUpSeconds, rounds, minRatio, graceMs } = options;
  run.note(`logging ${load.clients} in`);
  await gather(load, { group: "foyer" });
  const peer = await startPeer("uws");
  try {
    const dialect: DialectName = { name: "echo", bytes: ANSWER_BYTES };
    await gather(load, { group: "echo", dialect, urls: [peer.url], label: "join echo" });
    const sides = { echo: [] as Side[], foyer: [] as Side[] };
    for (let turn = 1; turn <= rounds; turn++) {
      for (const group of ["echo", "foyer"] as const) {
        const kind = group === "echo" ? "echo" : "fetch";
        const plan = { group, warmUpMs: warmUpSeconds * 1000, measureMs: seconds * 1000, graceMs };
        const { rate, kinds } = await run.crew.closed({ ...plan, kinds: [kind] });
        const side = { rate, ...timesOf(kinds, kind) };
        sides[group].push(side);
        run.note(`round ${turn}, ${group}: ${Math.round(rate)}/s, p99 ${side.p99} ms`);
      }
    }
    const [echo, foyer] = [medians(sides.echo), medians(sides.foyer)];
    const ratio = round(foyer.perSecond / echo.perSecond);
    if (!(ratio >= minRatio)) run.broken.push(`foyer/echo is ${ratio}, below --min-ratio ${minRatio}`);
    return { ratio, foyer, echo, rounds: sides };
  } finally {
    await run.crew.leave("echo");
    await peer.stop();
  }
}

interface Side {
  rate: number;
  p50: number;
  p95: number;
  p99: number;
}

function timesOf(kinds: Kinds, kind: string) {
  const { p50, p95, p99 } = summarize(kinds.get(kind)?.histogram ?? createHistogram());
  return { p50, p95, p99 };
}

function medians(sides: readonly Side[]) {
  const of = (figure: (side: Side) => number) => round(median(sides.map(figure)));
  return {
    perSecond: Math.round(of(({ rate }) => rate)),
    p50: of(({ p50 }) => p50),
    p95: of(({ p95 }) => p95),
    p99: of(({ p99 }) => p99),
  };
}
