/** The curves of a soak: what is read at each sample, and which of them have to level off. */
import { judge } from "./level.js";
export const kinds = {
    rss: { unit: "MB", allowance: { share: 0.1, plus: 10 } },
    heap: { unit: "MB", allowance: { share: 0.15, plus: 8 } },
    handles: { unit: "", allowance: { share: 0.05, plus: 5 } },
    threads: { unit: "", allowance: { share: 0, plus: 1 } },
    "redis keys": { unit: "", allowance: { share: 0.1, plus: 20 } },
    "redis stream": { unit: "entries", allowance: { share: 0.1, plus: 50 } },
    "redis memory": { unit: "MB", allowance: { share: 0.1, plus: 1 } },
    connections: { unit: "", allowance: { share: 0.1, plus: 5 } },
    latency: { unit: "ms", allowance: null },
    // People come and the audit log only grows; the command log does for an hour.
    table: { unit: "MB", allowance: null },
};
/** Streams that keep the last ten thousand or so, whatever happens: they level off there. */
const KEPT = 11_000;
const keptStreams = new Set(["fences", "dead"]);
/** Shorter than this all is still warming up, and nothing can be said. */
export const LEAST_SECONDS = 300;
export class Curves {
    #curves = new Map();
    add(kind, of, at, value) {
        const name = `${kind} ${of}`;
        let curve = this.#curves.get(name);
        if (curve === undefined) {
            curve = { kind, of, points: [] };
            this.#curves.set(name, curve);
        }
        curve.points.push({ at, value });
    }
    /** @param seconds how long the run was */
    judged(seconds) {
        return [...this.#curves.values()].map((curve) => ({ ...curve, level: levelOf(curve, seconds) }));
    }
}
function levelOf({ kind, of, points }, seconds) {
    if (kind === "redis stream" && keptStreams.has(of)) {
        const most = Math.max(...points.map(({ value }) => value));
        return { rise: most, allowed: KEPT, levels: most <= KEPT };
    }
    const { allowance } = kinds[kind];
    return allowance === null || seconds < LEAST_SECONDS ? null : judge(points, allowance);
}
//# sourceMappingURL=curves.js.map