/**
 * What happened in a stretch of time, by kind: how long what succeeded took, and how often what came out. Snapshots
 * cross process borders and land in files, so histograms are text in them, and can be added up again without loss.
 */
import { decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";
import { createHistogram, recordMs } from "./report.ts";

/** One kind in one stretch. */
export interface KindSnapshot {
  /** Times of what succeeded, an HDR histogram in µs, compressed, in base64. */
  histogram: string;
  outcomes: Record<string, number>;
}

/** All kinds in one stretch. */
export type Snapshot = Record<string, KindSnapshot>;

/** The same, in memory. */
export interface KindTotals {
  histogram: Histogram;
  outcomes: Map<string, number>;
}

const SUCCESS = "success";

export class Recorder {
  #kinds = new Map<string, KindTotals>();

  /** @param ms from when it was due */
  record(kind: string, outcome: string, ms: number): void {
    const totals = totalsOf(this.#kinds, kind);
    totals.outcomes.set(outcome, (totals.outcomes.get(outcome) ?? 0) + 1);
    if (outcome === SUCCESS) recordMs(totals.histogram, ms);
  }

  /** What was recorded since the last time. */
  take(): Snapshot {
    const taken = this.#kinds;
    this.#kinds = new Map();
    return encodeSnapshot(taken);
  }
}

/** Adds snapshots up. */
export function addSnapshots(snapshots: Iterable<Snapshot>): Map<string, KindTotals> {
  const kinds = new Map<string, KindTotals>();
  for (const snapshot of snapshots) {
    for (const [kind, { histogram, outcomes }] of Object.entries(snapshot)) {
      const totals = totalsOf(kinds, kind);
      totals.histogram.add(decodeFromCompressedBase64(histogram));
      for (const [outcome, count] of Object.entries(outcomes)) {
        totals.outcomes.set(outcome, (totals.outcomes.get(outcome) ?? 0) + count);
      }
    }
  }
  return kinds;
}

/** The reverse of `addSnapshots`. */
export function encodeSnapshot(kinds: ReadonlyMap<string, KindTotals>): Snapshot {
  return Object.fromEntries(
    [...kinds].map(([kind, { histogram, outcomes }]) => [
      kind,
      { histogram: encodeIntoCompressedBase64(histogram), outcomes: Object.fromEntries(outcomes) },
    ]),
  );
}

function totalsOf(kinds: Map<string, KindTotals>, kind: string): KindTotals {
  let totals = kinds.get(kind);
  if (totals === undefined) {
    totals = { histogram: createHistogram(), outcomes: new Map() };
    kinds.set(kind, totals);
  }
  return totals;
}
