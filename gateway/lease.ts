/** This gateway's proof of life. Measured by its own monotonic clock from before each renewal was sent. */
import { pause } from "../shared/backoff.ts";
import type { Logger } from "../shared/log.ts";
import { type RedisClient, untilReady } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";

const LEASE_MS = 4_000;
const EVERY_MS = 1_000;

interface LeaseOptions {
  redis: RedisClient;
  keys: Keys;
  gateway: string;
  /** What the gateway tells about itself. */
  info(): Record<string, unknown>;
  /** It had run out: others may have cleared up after this gateway. Called again until it succeeds. */
  onRanOut(): Promise<void>;
  log: Logger;
}

/** A lease that is being renewed. */
export interface Lease {
  isHeld(): boolean;
  /** Tells at once what has changed about the gateway. */
  renew(): Promise<void>;
  /** Ends it: others need not wait until it runs out. */
  release(): Promise<void>;
}

/** Starts renewing. */
export function holdLease({ redis, keys, gateway, info, onRanOut, log }: LeaseOptions): Lease {
  const stopping = new AbortController();
  let heldUntil = Number.NEGATIVE_INFINITY;
  let hasRunOut = false;
  const renew = async () => {
    const before = performance.now();
    try {
      const { leases, nodes } = keys;
      const told = JSON.stringify(info());
      const args = [gateway, LEASE_MS, told];
      const ran = await runScript(redis, "renew-lease", leases("gateway"), nodes("gateway"), ...args);
      hasRunOut ||= ran === 0 && heldUntil > 0;
      heldUntil = before + LEASE_MS;
      if (!hasRunOut) return;
      await onRanOut();
      hasRunOut = false;
    } catch (error) {
      log.debug({ reason: (error as Error).message }, "renewing the lease failed");
    }
  };
  const renewing = (async () => {
    await untilReady(redis, stopping.signal);
    while (!stopping.signal.aborted) {
      await renew();
      await pause(EVERY_MS, stopping.signal);
    }
  })();
  return {
    isHeld: () => performance.now() < heldUntil,
    renew,
    async release() {
      stopping.abort();
      await renewing;
      heldUntil = Number.NEGATIVE_INFINITY;
      await runScript(redis, "release-lease", keys.leases("gateway"), keys.nodes("gateway"), gateway).catch(
        // It runs out by itself.
        () => {},
      );
    },
  };
}
