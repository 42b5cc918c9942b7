/** Keeps the gauges of the command streams: how much waits, and how long. */
import { nextTurn } from "../shared/backoff.ts";
import type { RedisClient } from "../shared/redis/connect.ts";
import { COMMAND_GROUP, type Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";
import type { CoreMetrics } from "./metrics.ts";

const EVERY_MS = 5_000;

interface WatchOptions {
  redis: RedisClient;
  keys: Keys;
  streams: number;
  metrics: CoreMetrics;
  signal: AbortSignal;
}

/** Looks every few seconds until `signal` aborts. */
export async function observeStreams({ redis, keys, streams, metrics, signal }: WatchOptions): Promise<void> {
  while (!signal.aborted) {
    await nextTurn(EVERY_MS, signal);
    try {
      let length = 0;
      let pending = 0;
      let oldestMs = 0;
      for (let stream = 0; stream < streams; stream++) {
        const key = keys.commandStream(stream);
        length += await redis.xlen(key);
        const [count] = (await redis.xpending(key, COMMAND_GROUP)) as [number];
        pending += count;
        // What is finished is deleted: the first entry is the oldest that is not, whether somebody has read it or not.
        oldestMs = Math.max(oldestMs, Number(await runScript(redis, "entry-age", key)));
      }
      metrics.streamLength.set(length);
      metrics.pendingEntries.set(pending);
      metrics.oldestPending.set(oldestMs / 1_000);
    } catch {
      // Redis is away or empty: the gauges keep their last word, readiness tells the rest.
    }
  }
}
