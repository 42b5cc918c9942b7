/** Redis' own clock, by which entries of a stream are dated: clocks of nodes may differ. */
import { pause } from "../shared/backoff.js";
import { untilReady } from "../shared/redis/connect.js";
const EVERY_MS = 2_000;
/** Asks again and again until `signal` aborts. */
export function watchRedisClock(redis, signal) {
    let offset = null;
    // Behind a new link may be another server, with another clock.
    redis.on("close", () => {
        offset = null;
    });
    const look = async () => {
        const [seconds, microseconds] = await redis.time();
        offset = Number(seconds) * 1_000 + Number(microseconds) / 1_000 - performance.now();
    };
    const watch = async () => {
        while (!signal.aborted) {
            // At once behind a new link: what waited there may be old.
            await untilReady(redis, signal);
            try {
                await look();
            }
            catch {
                offset = null;
            }
            await pause(EVERY_MS, signal);
        }
    };
    void watch();
    return { now: () => (offset === null ? null : offset + performance.now()), look };
}
//# sourceMappingURL=redis-clock.js.map