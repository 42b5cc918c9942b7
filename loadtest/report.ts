/** What a scenario found, as an aligned table for people or as JSON for programs, and how latencies are counted. */
import { build, type Histogram } from "hdr-histogram-js";

/** The outcome of one scenario. */
export interface Report {
  scenario: string;
  /** Head of the table, then its rows. */
  columns: readonly string[];
  rows: (readonly (string | number)[])[];
  /** The same and more, for `--json`. */
  figures: Record<string, unknown>;
  /** Every promise that was not kept, as a sentence; empty when all is well. */
  broken: string[];
}

/** Latencies of one kind, in ms. */
export interface Latencies {
  count: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** A histogram that takes microseconds, up to two minutes. */
export function createHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 120e6,
    numberOfSignificantValueDigits: 3,
  });
}

/** Counts one duration. */
export function recordMs(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.max(1, Math.round(ms * 1000)));
}

/** What the histogram says. */
export function summarize(histogram: Histogram): Latencies {
  const at = (percentile: number) => round(histogram.getValueAtPercentile(percentile) / 1000);
  const count = histogram.totalCount;
  return {
    count,
    p50: at(50),
    p95: at(95),
    p99: at(99),
    max: count === 0 ? 0 : round(histogram.maxValue / 1000),
  };
}

/** Two decimals: more would be noise. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The middle value; of an even number of them the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The whole report as text, ending in a newline. */
export function formatReport(report: Report, json: boolean): string {
  const { scenario, figures, broken, columns, rows } = report;
  if (json) return `${JSON.stringify({ scenario, ok: broken.length === 0, ...figures, broken })}\n`;
  const verdict = broken.length === 0 ? ["all promises kept"] : broken.map((promise) => `BROKEN: ${promise}`);
  return `${[`${scenario}:`, ...alignTable(columns, rows), "", ...verdict].join("\n")}\n`;
}

/** Lines of a table: first column to the left, all others to the right. */
export function alignTable(columns: readonly string[], rows: Report["rows"]): string[] {
  const cells = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
}
