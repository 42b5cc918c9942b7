/** Which version of envelopes the gateway writes: the newest that every living worker reads. */
import { pause } from "../shared/backoff.js";
import { FIRST_VERSION, versionAllRead } from "../shared/envelope.js";
import { untilReady } from "../shared/redis/connect.js";
import { runScript } from "../shared/redis/lua.js";
/** An older worker that starts meanwhile leaves what it cannot read to a newer one. */
const EVERY_MS = 1_000;
/** Looks again and again until `signal` aborts. @returns what the last look said; the oldest before the first */
export function followWorkers(redis, keys, signal) {
    let version = FIRST_VERSION;
    const look = async () => {
        const flat = (await runScript(redis, "live-nodes", keys.leases("core"), keys.nodes("core")));
        const infos = flat.filter((_, i) => i % 2 === 1).map((info) => JSON.parse(info));
        // While there is none, those that come are likely to be as those that went.
        version = versionAllRead(infos) ?? version;
    };
    void (async () => {
        await untilReady(redis, signal);
        while (!signal.aborted) {
            await look().catch(() => {
                // The link is down: nothing is written either.
            });
            await pause(EVERY_MS, signal);
        }
    })();
    return () => version;
}
//# sourceMappingURL=worker-versions.js.map