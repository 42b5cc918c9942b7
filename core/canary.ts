/** Publishes the canary: gateways that hear it know that publish/subscribe delivers (docs/architecture.md). */
import type { Cluster } from "ioredis";
import { nextTurn } from "../shared/backoff.ts";
import { type RedisClient, untilReady } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { publish } from "../shared/redis/together.ts";

const EVERY_MS = 1_000;

/** Every worker does, so that no election stands between a living cluster and its proof. */
export async function publishCanary(redis: RedisClient, keys: Keys, signal: AbortSignal): Promise<void> {
  // Tried before the link stands, the first would be a turn late.
  await untilReady(redis, signal);
  while (!signal.aborted) {
    const text = String(Date.now());
    for (const slot of shards(redis)) {
      // Where it fails nobody hears it, which is what it is there to show. One server's silence delays no other's.
      publish(redis, keys.canaryChannel(slot), text).catch(() => {});
    }
    await nextTurn(EVERY_MS, signal);
  }
}

/** The first slot of each primary; null where there are no slots. */
function shards(redis: RedisClient): (number | null)[] {
  if (!redis.isCluster) return [null];
  const first = new Map<string, number>();
  (redis as Cluster).slots.forEach(([primary], slot) => {
    if (primary !== undefined && !first.has(primary)) first.set(primary, slot);
  });
  return [...first.values()];
}
