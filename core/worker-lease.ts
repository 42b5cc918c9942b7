/** A worker's proof of life, which `foyer status` and the leader go by. */
import { nextTurn } from "../shared/backoff.ts";
import { ENVELOPE_VERSION } from "../shared/envelope.ts";
import { type RedisClient, untilReady } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";

const LEASE_MS = 10_000;
const EVERY_MS = 2_000;

interface LeaseOptions {
  redis: RedisClient;
  keys: Keys;
  worker: string;
  opsPort: number;
  signal: AbortSignal;
}

/** Renews the lease until `signal` aborts, then ends it. */
export async function renewWorkerLease({
  redis,
  keys,
  worker,
  opsPort,
  signal,
}: LeaseOptions): Promise<void> {
  const info = JSON.stringify({ opsPort, startedAt: Date.now(), reads: ENVELOPE_VERSION });
  // Tried before the link stands, the first would be a turn late.
  await untilReady(redis, signal);
  while (!signal.aborted) {
    try {
      await runScript(redis, "renew-lease", keys.leases("core"), keys.nodes("core"), worker, LEASE_MS, info);
    } catch {
      // The link is down; the next renewal makes it good.
    }
    await nextTurn(EVERY_MS, signal);
  }
  try {
    await runScript(redis, "release-lease", keys.leases("core"), keys.nodes("core"), worker);
  } catch {
    // It runs out by itself.
  }
}
