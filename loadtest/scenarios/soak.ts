/**
 * `soak`: people come and go for an hour, at a rate that is no load. Resident memory, open handles, Redis' keys and
 * streams have to level off; the report shows all curves.
 */
import { setMaxListeners } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "../cluster.ts";
import { createHistogram, type Report, round } from "../report.ts";
import { churn, createBook } from "../soak/churn.ts";
import { Curves, type JudgedCurve, kinds, LEAST_SECONDS } from "../soak/curves.ts";
import { renderPage } from "../soak/page.ts";
import { sample } from "../soak/sampler.ts";

/** What the command line says about it. */
export interface SoakOptions {
  minutes: number;
  /** Where `soak.json` and `soak.html` go; undefined: nowhere. */
  report: string | undefined;
  progress: (line: string) => void;
}

const RESIDENTS = 12;
/** Of a run, at least so many samples. */
const SAMPLES = 60;
const MAX_EVERY_MS = 5_000;
const TELL_EVERY_S = 60;

/** Runs it against a cluster. */
export async function runSoak(target: Target, { minutes, report, progress }: SoakOptions): Promise<Report> {
  const { urls, facts } = target;
  if (facts === null) throw new Error("soak looks into the cluster: give --ready-file, not --url");
  const curves = new Curves();
  const book = createBook();
  const seconds = minutes * 60;
  const over = new AbortController();
  // All who pause listen.
  setMaxListeners(0, over.signal);
  const onSample = (at: number) => {
    curves.add("latency", "p99", at, book.latencies.getValueAtPercentile(99) / 1000);
    book.latencies = createHistogram();
    if (at % TELL_EVERY_S < MAX_EVERY_MS / 1000) {
      progress(`${at} s: ${book.commands} commands, ${book.logins} logins, ${book.bans} bans`);
    }
  };
  const everyMs = Math.min(MAX_EVERY_MS, (seconds * 1000) / SAMPLES);
  const sampling = sample({ facts, curves, everyMs, onSample, signal: over.signal });
  const churning = churn(book, { urls, facts: await facts(), residents: RESIDENTS, signal: over.signal });
  await Promise.race([sleep(seconds * 1000), sampling, churning]);
  over.abort();
  await Promise.all([sampling, churning]);

  const judged = curves.judged(seconds);
  const broken = [
    ...[...book.failures].map(([what, times]) => `${what} (${times} times)`),
    ...judged.filter(({ level }) => level?.levels === false).map(describe),
  ];
  const { commands, logins, imports, bans } = book;
  const head =
    `soak, ${minutes} min, ${commands} commands, ${logins} logins, ${bans} bans, ${imports} imports` +
    (seconds < LEAST_SECONDS ? "; too short to judge memory" : "");
  const figures = { minutes, commands, logins, imports, bans, curves: judged };
  if (report !== undefined) {
    mkdirSync(report, { recursive: true });
    writeFileSync(join(report, "soak.json"), `${JSON.stringify({ ...figures, broken })}\n`);
    writeFileSync(join(report, "soak.html"), renderPage(head, judged, broken));
  }
  const shown = judged.filter(({ kind }) => kind !== "table" && kind !== "threads");
  return {
    scenario: head,
    columns: ["", "first", "most", "last", "rise", "allowed"],
    rows: shown.map((curve) => [`${curve.kind}, ${curve.of}`, ...rowOf(curve)]),
    figures,
    broken,
  };
}

function rowOf({ points, level }: JudgedCurve): (string | number)[] {
  const values = points.map(({ value }) => round(value));
  const judged = level === null ? ["", ""] : [round(level.rise), round(level.allowed)];
  return [values[0] ?? 0, Math.max(...values), values.at(-1) ?? 0, ...judged];
}

function describe({ kind, of, level }: JudgedCurve): string {
  const { unit } = kinds[kind];
  return `${kind} of ${of} does not level off: it rose by ${round(level!.rise)} ${unit} in the second half`;
}
