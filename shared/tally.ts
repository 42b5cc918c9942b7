/**
 * A counter for hot paths: counts in plain numbers, and hands them to prom-client when somebody looks. Its own
 * `inc` hashes the labels every time, which is dear at tens of thousands a second.
 */
import { Counter, type Registry } from "prom-client";

interface TallyOptions<L extends string> {
  name: string;
  help: string;
  labelNames: readonly [L, ...L[]];
  register: Registry;
}

/** Counts by up to two labels. */
export class Tally<L extends string> {
  readonly #counts = new Map<string, Map<string, number>>();

  constructor({ name, help, labelNames, register }: TallyOptions<L>) {
    const counts = this.#counts;
    const [first, second] = labelNames;
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [register],
      collect() {
        for (const [a, inner] of counts) {
          for (const [b, count] of inner) {
            const labels = second === undefined ? { [first]: a } : { [first]: a, [second]: b };
            this.inc(labels as Partial<Record<L, string>>, count);
          }
        }
        counts.clear();
      },
    });
  }

  /** Shows these values of its labels from now on, with nothing counted. */
  begin(first: string, second = ""): void {
    this.add(first, second, 0);
  }

  /** Adds one for these values of its labels, in their order. */
  add(first: string, second = "", amount = 1): void {
    let inner = this.#counts.get(first);
    if (inner === undefined) {
      inner = new Map();
      this.#counts.set(first, inner);
    }
    inner.set(second, (inner.get(second) ?? 0) + amount);
  }
}
