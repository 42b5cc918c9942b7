/** Redis' own clock, by which entries of a stream are dated: clocks of nodes may differ. */
import { pause } from "../shared/backoff.ts";
import { type RedisClient, untilReady } from "../shared/redis/connect.ts";

const EVERY_MS = 2_000;

/** What time it is there. */
export interface RedisClock {
  /** ms since the epoch, rather too early than too late; null while it is not known. */
  now(): number | null;
  /** Asks at once: behind a new link, before anything is read there. @throws Error when Redis is away */
  look(): Promise<void>;
}

/** Asks again and again until `signal` aborts. */
export function watchRedisClock(redis: RedisClient, signal: AbortSignal): RedisClock {
  let offset: number | null = null;
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
      } catch {
        offset = null;
      }
      await pause(EVERY_MS, signal);
    }
  };
  void watch();
  return { now: () => (offset === null ? null : offset + performance.now()), look };
}
