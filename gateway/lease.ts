/**
 * This gateway's proof of life, measured by its own monotonic clock from before each renewal was sent. While it is
 * not held, nobody waits for this gateway any more, and nothing may pass between clients and workers.
 */
import { setImmediate } from "node:timers/promises";
import { nextTurn, pause } from "../shared/backoff.ts";
import type { Logger } from "../shared/log.ts";
import { type RedisClient, untilReady } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";

const LEASE_MS = 4_000;
const EVERY_MS = 1_000;

/** A renewal that failed is tried again so soon. */
const RETRY_MS = 100;

/**
 * A gateway that stood still for so long has not seen which of its clients have left meanwhile, and maybe sent
 * something newer elsewhere: nothing of theirs passes before it has looked.
 */
const STALL_MS = 500;
const BEAT_MS = 250;

/**
 * Turns of the event loop that a look takes. uSockets reads at most 512 KB of a connection in one, and its end in a
 * later one; Linux keeps up to 6 MB for it (`net.ipv4.tcp_rmem`).
 */
const LOOK_TURNS = 16;

/**
 * Renewals that failed in a row before the gateway takes Redis for gone. One that was merely stopped, and runs
 * again, has renewed its lease after one or two; and while it is stopped it counts none.
 */
const CUT_OFF_AFTER = 20;

interface LeaseOptions {
  redis: RedisClient;
  keys: Keys;
  gateway: string;
  /** What the gateway tells about itself. */
  info(): Record<string, unknown>;
  /** It was renewed without a gap. */
  onRenewed(): Promise<void>;
  /**
   * It is new, or had run out: others may have cleared up after this gateway. It counts as held once this has
   * succeeded; until then it is called again.
   */
  onBegun(): Promise<void>;
  /** It is held again. */
  onHeld(): void;
  log: Logger;
}

/** A lease that is being renewed. */
export interface Lease {
  isHeld(): boolean;
  /** Since when it has been held without a gap, by `performance.now()`. */
  heldSince(): number;
  /** Not held, and Redis out of reach for so long that this gateway has only itself to speak for. */
  isCutOff(): boolean;
  /** Tells at once what has changed about the gateway. */
  renew(): Promise<void>;
  /** Ends it: others need not wait until it runs out. */
  release(): Promise<void>;
}

/** Starts renewing. */
export function holdLease(options: LeaseOptions): Lease {
  const { redis, keys, gateway, info, log } = options;
  const stopping = new AbortController();
  let runsUntil = Number.NEGATIVE_INFINITY;
  /** Whether all that may have been missed before it began is made up for. */
  let hasBegun = false;
  let heldSince = Number.POSITIVE_INFINITY;
  let failures = 0;
  /** Raised by what ends a beginning that is under way. */
  let breaks = 0;
  let isBeginning = false;
  let beatAt = performance.now();
  /** It has stood still, and does not know yet who is still there. */
  let isLooking = false;

  const begin = async () => {
    const breaksBefore = breaks;
    isBeginning = true;
    try {
      await options.onBegun();
      if (breaks !== breaksBefore) return;
      hasBegun = true;
      heldSince = performance.now();
      options.onHeld();
    } catch (error) {
      log.debug({ reason: (error as Error).message }, "beginning a lease failed");
    } finally {
      isBeginning = false;
    }
  };
  const lose = () => {
    breaks++;
    hasBegun = false;
  };
  const renew = async () => {
    const before = performance.now();
    try {
      const { leases, nodes } = keys;
      const args = [gateway, LEASE_MS, JSON.stringify(info())];
      const ran = await runScript(redis, "renew-lease", leases("gateway"), nodes("gateway"), ...args);
      failures = 0;
      if (ran === 0) lose();
      // Asked for before it stood still.
      if (isLooking) return;
      const hadRunOut = performance.now() >= runsUntil;
      runsUntil = before + LEASE_MS;
      if (hasBegun) {
        if (hadRunOut) options.onHeld();
        await options.onRenewed();
      } else if (!isBeginning) {
        // Not waited for: it may take longer than the lease runs.
        void begin();
      }
    } catch (error) {
      failures++;
      log.debug({ reason: (error as Error).message }, "renewing the lease failed");
    }
  };
  // Behind a new link may be another server, which knows neither this gateway nor the fences it has read.
  redis.on("close", lose);
  const look = async () => {
    isLooking = true;
    runsUntil = Number.NEGATIVE_INFINITY;
    for (let turn = 0; turn < LOOK_TURNS; turn++) await setImmediate();
    isLooking = false;
    await renew();
  };
  const beat = async () => {
    for (; !stopping.signal.aborted; await nextTurn(BEAT_MS, stopping.signal)) {
      if (performance.now() - beatAt > STALL_MS) void look();
      beatAt = performance.now();
    }
  };
  void beat();
  const renewing = (async () => {
    await untilReady(redis, stopping.signal);
    while (!stopping.signal.aborted) {
      await renew();
      const isWell = hasBegun && failures === 0;
      await (isWell ? nextTurn(EVERY_MS, stopping.signal) : pause(RETRY_MS, stopping.signal));
    }
  })();
  const isHeld = () => {
    const now = performance.now();
    return hasBegun && now < runsUntil && now - beatAt <= STALL_MS;
  };
  return {
    isHeld,
    heldSince: () => heldSince,
    isCutOff: () => failures >= CUT_OFF_AFTER && !isHeld(),
    renew,
    async release() {
      stopping.abort();
      await renewing;
      runsUntil = Number.NEGATIVE_INFINITY;
      await runScript(redis, "release-lease", keys.leases("gateway"), keys.nodes("gateway"), gateway).catch(
        // It runs out by itself.
        () => {},
      );
    },
  };
}
