/** What a run of generators found, as it lands in a file: enough to draw it, to compare it, and to add runs up. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { addSnapshots, encodeSnapshot, type KindTotals, type Snapshot } from "./recorder.ts";
import { type Latencies, round, summarize } from "./report.ts";
import type { Watched } from "./watch.ts";

/** One second. */
export interface Point {
  /** Seconds since the run began. */
  at: number;
  snapshot: Snapshot;
  connected: number;
}

/** What the generators took in a second: share of a processor, and how late their event loops were, ms. */
export interface GeneratorPoint {
  at: number;
  cpu: number;
  delayMs: number;
}

/** A run. */
export interface RunResult {
  format: 1;
  scenario: string;
  /** ISO 8601. */
  startedAt: string;
  seconds: number;
  options: Record<string, unknown>;
  machine: Machine;
  points: Point[];
  generators: GeneratorPoint[][];
  watched: Watched;
  notes: { at: number; text: string }[];
  figures: Record<string, unknown>;
  broken: string[];
  /** Why the generators, and not the cluster, set the figures; null: they did not. */
  bottleneck: string | null;
}

/** Where it was measured. */
export interface Machine {
  processors: number;
  model: string;
  memoryGb: number;
  node: string;
  system: string;
}

/** This one. */
export function describeMachine(): Machine {
  return {
    processors: availableParallelism(),
    model: cpus()[0]?.model.trim() ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    system: `${process.platform} ${process.arch}`,
  };
}

/** Each kind over the whole run. */
export function totalsOf({ points }: Pick<RunResult, "points">): Map<string, KindTotals> {
  return addSnapshots(points.map(({ snapshot }) => snapshot));
}

/** The rows of the table: each kind with its latencies, its rate, and what did not succeed. */
export function tableOf(result: RunResult): { columns: string[]; rows: (string | number)[][] } {
  const rows = [...totalsOf(result)].map(([kind, totals]) => {
    const { count, p50, p95, p99, max } = summarize(totals.histogram);
    return [kind, count, perSecond(result, kind), p50, p95, p99, max, unsuccessful(totals)];
  });
  return { columns: ["", "count", "a second", "p50 ms", "p95 ms", "p99 ms", "max ms", "other"], rows };
}

/** What did not succeed, by how it ended. */
export function failuresOf(result: Pick<RunResult, "points">): Map<string, number> {
  const failures = new Map<string, number>();
  for (const [kind, { outcomes }] of totalsOf(result)) {
    for (const [outcome, count] of outcomes) {
      if (outcome !== "success") failures.set(`${kind}: ${outcome}`, count);
    }
  }
  return failures;
}

/** Over the seconds in which this kind happened. */
function perSecond({ points }: RunResult, kind: string): number {
  const counts = points.map(({ snapshot }) => snapshot[kind]?.outcomes.success ?? 0);
  const busy = counts.filter((count) => count > 0);
  return Math.round(busy.reduce((sum, count) => sum + count, 0) / Math.max(1, busy.length));
}

function unsuccessful({ outcomes }: KindTotals): number {
  return [...outcomes].reduce((sum, [outcome, count]) => sum + (outcome === "success" ? 0 : count), 0);
}

/** Above this share of a processor a process has no time left. */
const BUSY = 0.9;
/** An event loop that is so late times its own lateness. */
const LATE_MS = 50;

/**
 * Whether the generators set the figures. Judged over the seconds in which anything happened: generators that have no
 * time left while every node has, or whose event loops are late, time themselves.
 */
export function judgeBottleneck({
  generators,
  watched,
  points,
}: Pick<RunResult, "generators" | "watched" | "points">): string | null {
  const busy = new Set(points.filter(({ snapshot }) => Object.keys(snapshot).length > 0).map(({ at }) => at));
  const mean = (list: readonly { at: number; cpu: number }[]) => {
    const those = list.filter(({ at }) => busy.has(at));
    return those.length === 0 ? 0 : those.reduce((sum, { cpu }) => sum + cpu, 0) / those.length;
  };
  const most = Math.max(0, ...generators.map(mean));
  const nodes = Object.entries(watched.processes).map(([name, list]) => [name, mean(list)] as const);
  const [name, cpu] = nodes.reduce((one, other) => (other[1] > one[1] ? other : one), ["no process", 0]);
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  if (most >= BUSY && most > cpu) {
    const cluster =
      nodes.length === 0
        ? "how busy the cluster was is not known"
        : `the busiest of the cluster, ${name}, took ${percent(cpu)}`;
    return `The generators were the bottleneck: one took ${percent(most)} of a processor, while ${cluster}. Start more of them (--generators), or run them elsewhere.`;
  }
  const late = generators.flatMap((list) =>
    list.filter(({ at }) => busy.has(at)).map((each) => each.delayMs),
  );
  const usual = late.sort((a, b) => a - b)[late.length >> 1] ?? 0;
  if (usual <= LATE_MS) return null;
  return `The generators were late: their event loops stood still for ${Math.round(usual)} ms (p99 of the usual second), which every latency here contains. Give them processors of their own.`;
}

/** Runs of the same load from several places, as one: histograms and counts add up, second by second. */
export function mergeResults(results: readonly RunResult[]): RunResult {
  const [first] = results;
  if (first === undefined) throw new Error("there is nothing to merge");
  const other = results.find(({ scenario }) => scenario !== first.scenario);
  if (other !== undefined)
    throw new Error(`these are of different scenarios: ${first.scenario} and ${other.scenario}`);
  const start = Math.min(...results.map(({ startedAt }) => Date.parse(startedAt)));
  const shift = (result: RunResult) => Math.round((Date.parse(result.startedAt) - start) / 1000);
  const seconds = new Map<number, Point[]>();
  for (const result of results) {
    for (const point of result.points) {
      const at = point.at + shift(result);
      seconds.set(at, [...(seconds.get(at) ?? []), point]);
    }
  }
  const points = [...seconds]
    .sort(([one], [two]) => one - two)
    .map(([at, those]) => ({
      at,
      snapshot: encodeSnapshot(addSnapshots(those.map(({ snapshot }) => snapshot))),
      connected: those.reduce((sum, { connected }) => sum + connected, 0),
    }));
  const bottlenecks = results.flatMap(({ bottleneck }) => bottleneck ?? []);
  return {
    ...first,
    startedAt: new Date(start).toISOString(),
    seconds: Math.max(...results.map((result) => result.seconds + shift(result))),
    points,
    generators: results.flatMap((result) =>
      result.generators.map((list) => list.map((each) => ({ ...each, at: each.at + shift(result) }))),
    ),
    notes: results.flatMap((result) =>
      result.notes.map(({ at, text }) => ({ at: at + shift(result), text })),
    ),
    figures: { merged: results.length, each: results.map(({ figures }) => figures) },
    broken: results.flatMap(({ broken }) => broken),
    bottleneck: bottlenecks.length === 0 ? null : bottlenecks.join(" "),
  };
}

/** Reads a file that `--out` wrote. @throws Error when it is none */
export function parseResult(text: string, name: string): RunResult {
  let value: Partial<RunResult> | null;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${name} is no JSON`);
  }
  if (value?.format !== 1 || !Array.isArray(value.points)) {
    throw new Error(`${name} is no result of a load test: it is what "--out ${name}" writes`);
  }
  return value as RunResult;
}

/** Each kind then and now: rates and latencies, with by how much they differ. */
export function compareResults(then: RunResult, now: RunResult) {
  const before = totalsOf(then);
  const rows = [...totalsOf(now)].flatMap(([kind, totals]) => {
    const old = before.get(kind);
    if (old === undefined) return [[kind, "", "", "new"]];
    const [a, b] = [summarize(old.histogram), summarize(totals.histogram)];
    const figure = (name: string, one: number, two: number) => [
      `${kind}, ${name}`,
      one,
      two,
      one === 0 ? "" : `${two >= one ? "+" : ""}${round(((two - one) / one) * 100)} %`,
    ];
    const times = (["p50", "p95", "p99"] as const satisfies (keyof Latencies)[]).map((name) =>
      figure(`${name} ms`, a[name], b[name]),
    );
    return [figure("a second", perSecond(then, kind), perSecond(now, kind)), ...times];
  });
  return { columns: ["", `then (${then.startedAt.slice(0, 16)})`, "now", "difference"], rows };
}
