/**
 * A histogram for hot paths: counts in plain numbers, and makes what prom-client shows when somebody looks. Its own
 * `observe` hashes the labels every time, as `inc` does (`tally.ts`).
 */
import type { Registry } from "prom-client";

interface TimingsOptions {
  name: string;
  help: string;
  /** Its only label. */
  labelName: string;
  /** Upper bounds in seconds, rising. */
  buckets: readonly number[];
  register: Registry;
}

/** What was observed under one value of the label: how often in each bucket, the last one without a bound. */
interface Counts {
  buckets: number[];
  sum: number;
}

/** Durations by one label. */
export class Timings {
  readonly #bounds: readonly number[];
  readonly #counts = new Map<string, Counts>();

  constructor({ name, help, labelName, buckets, register }: TimingsOptions) {
    this.#bounds = buckets;
    const type = "histogram";
    const get = async () => ({ name, help, type, aggregator: "sum", values: this.#values(name, labelName) });
    // Of a metric a registry asks no more than this.
    const metric = { name, help, type, get, reset: () => this.#counts.clear() };
    register.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
  }

  /** Shows this label from now on, with nothing observed. */
  begin(label: string): void {
    this.#countsOf(label);
  }

  /** Counts one. */
  observe(label: string, seconds: number): void {
    const counts = this.#countsOf(label);
    let at = 0;
    while (at < this.#bounds.length && seconds > this.#bounds[at]!) at++;
    counts.buckets[at]!++;
    counts.sum += seconds;
  }

  #countsOf(label: string): Counts {
    let counts = this.#counts.get(label);
    if (counts === undefined) {
      counts = { buckets: new Array(this.#bounds.length + 1).fill(0), sum: 0 };
      this.#counts.set(label, counts);
    }
    return counts;
  }

  #values(name: string, labelName: string) {
    return [...this.#counts].flatMap(([label, { buckets, sum }]) => {
      const labels = { [labelName]: label };
      let count = 0;
      const cumulated = buckets.map((times, i) => {
        count += times;
        return {
          metricName: `${name}_bucket`,
          labels: { le: this.#bounds[i] ?? "+Inf", ...labels },
          value: count,
        };
      });
      const rest = { sum, count };
      return [
        ...cumulated,
        ...Object.entries(rest).map(([what, value]) => ({ metricName: `${name}_${what}`, labels, value })),
      ];
    });
  }
}
