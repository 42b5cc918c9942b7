/**
 * What a dashboard is made of, in few words: rows of panels, each a question and the queries that answer it.
 * `dashboard.ts` turns this into what Grafana imports.
 */

/** How Grafana shows a figure: its own names. */
export type Unit = "short" | "s" | "bytes" | "percentunit" | "reqps" | "ops" | "binBps";

/** One line of a chart, or one figure. */
export interface Query {
  /** PromQL. */
  expr: string;
  /** What the line is called; `{{label}}` stands for a label's value. */
  legend: string;
}

export interface Panel {
  title: string;
  /** What it tells, for whoever sees it the first time. */
  help: string;
  kind: "figure" | "chart";
  unit: Unit;
  queries: readonly Query[];
  /** From here on it is yellow, and red. */
  thresholds?: { warn: number; alarm: number };
  /** Lines are parts of a whole: they are piled up. */
  stacked?: boolean;
}

export interface Dashboard {
  /** Part of its address, and the name of its file. */
  uid: string;
  title: string;
  /** What one needs to know before reading it. */
  description: string;
  rows: readonly { title: string; panels: readonly Panel[] }[];
}

const INTERVAL = "$__rate_interval";

/** The only line or figure of a panel. */
export const one = (expr: string, legend = ""): Query[] => [{ expr, legend }];

/** How often a second something happens, by a label if one is given. */
export function perSecond(counter: string, by?: string): string {
  const rate = `rate(${counter}[${INTERVAL}])`;
  return by === undefined ? `sum(${rate})` : `sum by (${by}) (${rate})`;
}

/** What this share of the observations stays below. @param by labels to keep apart, comma-separated */
export function quantile(share: number, histogram: string, by = ""): string {
  const labels = ["le", ...(by === "" ? [] : [by])].join(", ");
  const selector = histogram.includes("{") ? histogram.replace("{", "_bucket{") : `${histogram}_bucket`;
  return `histogram_quantile(${share}, sum by (${labels}) (rate(${selector}[${INTERVAL}])))`;
}

/** Median, 95th and 99th percentile of a histogram of seconds. */
export function percentiles(histogram: string): Query[] {
  return [0.5, 0.95, 0.99].map((share) => ({
    expr: quantile(share, histogram),
    legend: `${share * 100} % below`,
  }));
}
