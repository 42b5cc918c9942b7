/**
 * A counter for hot paths: counts in plain numbers, and hands them to prom-client when somebody looks. Its own
 * `inc` hashes the labels every time, which is dear at tens of thousands a second.
 */
import { Counter } from "prom-client";
/** Counts by up to two labels. */
export class Tally {
    #counts = new Map();
    constructor({ name, help, labelNames, register }) {
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
                        this.inc(labels, count);
                    }
                }
                counts.clear();
            },
        });
    }
    /** Adds one for these values of its labels, in their order. */
    add(first, second = "", amount = 1) {
        let inner = this.#counts.get(first);
        if (inner === undefined) {
            inner = new Map();
            this.#counts.set(first, inner);
        }
        inner.set(second, (inner.get(second) ?? 0) + amount);
    }
}
//# sourceMappingURL=tally.js.map