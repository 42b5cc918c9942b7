/** Keeps the gauges of the command streams: how much waits, and how long. */
import { pause } from "../shared/backoff.js";
import { COMMAND_GROUP } from "../shared/redis/keys.js";
const EVERY_MS = 5_000;
/** Looks every few seconds until `signal` aborts. */
export async function observeStreams({ redis, keys, streams, metrics, signal }) {
    while (!signal.aborted) {
        await pause(EVERY_MS, signal);
        try {
            let length = 0;
            let pending = 0;
            let oldestMs = Number.POSITIVE_INFINITY;
            for (let stream = 0; stream < streams; stream++) {
                const key = keys.commandStream(stream);
                length += await redis.xlen(key);
                const [count, first] = (await redis.xpending(key, COMMAND_GROUP));
                pending += count;
                if (first !== null)
                    oldestMs = Math.min(oldestMs, Number(first.split("-")[0]));
            }
            metrics.streamLength.set(length);
            metrics.pendingEntries.set(pending);
            metrics.oldestPending.set(pending === 0 ? 0 : Math.max(0, Date.now() - oldestMs) / 1_000);
        }
        catch {
            // Redis is away or empty: the gauges keep their last word, readiness tells the rest.
        }
    }
}
//# sourceMappingURL=watch-streams.js.map