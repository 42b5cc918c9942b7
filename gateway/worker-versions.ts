/** Which version of envelopes the gateway writes: the newest that every living worker reads. */
import { nextTurn } from "../shared/backoff.ts";
import { FIRST_VERSION, versionAllRead } from "../shared/envelope.ts";
import { type RedisClient, untilReady } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";

/** An older worker that starts meanwhile leaves what it cannot read to a newer one. */
const EVERY_MS = 1_000;

/** Looks again and again until `signal` aborts. @returns what the last look said; the oldest before the first */
export function followWorkers(redis: RedisClient, keys: Keys, signal: AbortSignal): () => number {
  let version = FIRST_VERSION;
  const look = async () => {
    const flat = (await runScript(redis, "live-nodes", keys.leases("core"), keys.nodes("core"))) as string[];
    const infos = flat.filter((_, i) => i % 2 === 1).map((info) => JSON.parse(info) as { reads?: number });
    // While there is none, those that come are likely to be as those that went.
    version = versionAllRead(infos) ?? version;
  };
  void (async () => {
    await untilReady(redis, signal);
    while (!signal.aborted) {
      await look().catch(() => {
        // The link is down: nothing is written either.
      });
      await nextTurn(EVERY_MS, signal);
    }
  })();
  return () => version;
}
