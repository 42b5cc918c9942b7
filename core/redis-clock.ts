/**
 * The clock by which a stream's entries are dated: that of the server which holds it. Nodes' clocks may differ from it,
 * and on a Cluster the servers' from each other.
 */
import { nextTurn } from "../shared/backoff.ts";
import { type RedisClient, untilReady } from "../shared/redis/connect.ts";
import { runScript } from "../shared/redis/lua.ts";

const EVERY_MS = 2_000;

/** What time it is there. */
export interface RedisClock {
  /** ms since the epoch, rather too early than too late; null while it is not known. */
  now(): number | null;
  /** Asks at once: behind a new link, before anything is read there. @throws Error when Redis is away */
  look(): Promise<void>;
}

/** ms since the epoch, by the server that holds this key now. @throws Error when it is away */
export async function timeWhere(redis: RedisClient, key: string): Promise<number> {
  const [seconds, microseconds] = (await runScript(redis, "server-time", key)) as [string, string];
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
}

/** Asks the server that holds a stream again and again until `signal` aborts. */
export function watchRedisClock(redis: RedisClient, stream: string, signal: AbortSignal): RedisClock {
  let offset: number | null = null;
  // Behind a new link may be another server, with another clock.
  redis.on("close", () => {
    offset = null;
  });
  const look = async () => {
    offset = (await timeWhere(redis, stream)) - performance.now();
  };
  const watch = async () => {
    while (!signal.aborted) {
      // At once behind a new link: what waited there may be old.
      await untilReady(redis, signal);
      try {
        await look();
      } catch {
        offset = null;
      }
      await nextTurn(EVERY_MS, signal);
    }
  };
  void watch();
  return { now: () => (offset === null ? null : offset + performance.now()), look };
}
