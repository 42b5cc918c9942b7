/** Publishes the canary: gateways that hear it know that publish/subscribe delivers (docs/architecture.md). */
import { pause } from "../shared/backoff.ts";
import { type RedisClient, untilReady } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";

const EVERY_MS = 1_000;

/** Every worker does, so that no election stands between a living cluster and its proof. */
export async function publishCanary(redis: RedisClient, keys: Keys, signal: AbortSignal): Promise<void> {
  // Tried before the link stands, the first would be a turn late.
  await untilReady(redis, signal);
  while (!signal.aborted) {
    try {
      await redis.publish(keys.canaryChannel(), String(Date.now()));
    } catch {
      // Then nobody hears it, which is what it is there to show.
    }
    await pause(EVERY_MS, signal);
  }
}
