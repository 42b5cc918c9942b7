import { pause } from "../shared/backoff.js";
import { untilReady } from "../shared/redis/connect.js";
import { publish } from "../shared/redis/together.js";
const EVERY_MS = 1_000;
/** Every worker does, so that no election stands between a living cluster and its proof. */
export async function publishCanary(redis, keys, signal) {
    // Tried before the link stands, the first would be a turn late.
    await untilReady(redis, signal);
    while (!signal.aborted) {
        const text = String(Date.now());
        for (const slot of shards(redis)) {
            // Where it fails nobody hears it, which is what it is there to show. One server's silence delays no other's.
            publish(redis, keys.canaryChannel(slot), text).catch(() => { });
        }
        await pause(EVERY_MS, signal);
    }
}
/** The first slot of each primary; null where there are no slots. */
function shards(redis) {
    if (!redis.isCluster)
        return [null];
    const first = new Map();
    redis.slots.forEach(([primary], slot) => {
        if (primary !== undefined && !first.has(primary))
            first.set(primary, slot);
    });
    return [...first.values()];
}
//# sourceMappingURL=canary.js.map