/**
 * What one worker does for all, while it holds the lead: clears up after gateways and workers whose lease ran
 * out, and forgets old commands.
 */
import { nextTurn } from "../shared/backoff.ts";
import type { Logger } from "../shared/log.ts";
import type { RedisClient } from "../shared/redis/connect.ts";
import { COMMAND_GROUP, type Keys, type Role } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";
import { positionAt } from "./position.ts";
import { timeWhere } from "./redis-clock.ts";
import { pruneCommands } from "./sql/command-log.ts";
import { retryConflicts, type Sql } from "./sql/database.ts";
import { pruneTiePositions } from "./sql/tie-positions.ts";

/** What leading takes. */
export interface LeaderOptions {
  worker: string;
  redis: RedisClient;
  sql: Sql;
  keys: Keys;
  streams: number;
  log: Logger;
  onLead(leads: boolean): void;
  signal: AbortSignal;
}

const LEAD_MS = 4_000;
const EVERY_MS = 1_000;
/** Far longer than any lease. */
const NO_LEASE_MS = 24 * 60 * 60 * 1_000;
const PRUNE_EVERY_MS = 60_000;

/** Well beyond the longest redelivery, which is a minute: see `entry-reader.ts` and `batch.ts`. */
const KEEP_COMMANDS_MS = 60 * 60 * 1_000;
const PRUNE_AT_ONCE = 2_000;

/** Leads whenever nobody else does, until `signal` aborts. */
export async function lead(options: LeaderOptions): Promise<void> {
  const { worker, redis, keys, log, signal } = options;
  let prunedAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const leads = (await runScript(redis, "lead", keys.leader(), worker, LEAD_MS)) === 1;
      options.onLead(leads);
      if (leads) {
        await clearUp(options);
        if (performance.now() - prunedAt > PRUNE_EVERY_MS) {
          prunedAt = performance.now();
          await prune(options);
        }
      }
      failures = 0;
    } catch (error) {
      options.onLead(false);
      if (failures++ === 0) log.warn({ reason: (error as Error).message }, "leading failed");
    }
    await nextTurn(EVERY_MS, signal);
  }
}

/**
 * In small transactions, so that none is in anybody's way, until nothing old is left. Old by the clock that
 * positions come from: this process' own may be hours ahead, and would forget what is still to be delivered again.
 */
async function prune({ redis, sql, keys, streams, log, signal }: LeaderOptions): Promise<void> {
  const clocks = Array.from({ length: streams }, (_, stream) => timeWhere(redis, keys.commandStream(stream)));
  // Positions do not say of which stream they are: where clocks differ, the one behind counts.
  const before = positionAt(Math.min(...(await Promise.all(clocks))) - KEEP_COMMANDS_MS);
  for (const forget of [pruneCommands, pruneTiePositions]) {
    let pruned = 0;
    for (let more = true; more && !signal.aborted; ) {
      const count = await retryConflicts(() => forget(sql, before, PRUNE_AT_ONCE));
      pruned += count;
      more = count === PRUNE_AT_ONCE;
    }
    if (pruned > 0) log.debug({ pruned, by: forget.name }, "old commands forgotten");
  }
}

async function clearUp(options: LeaderOptions): Promise<void> {
  for (const role of ["gateway", "core"] as const) {
    for (const node of await expired(options, role)) {
      const cleared =
        role === "gateway" ? await clearGateway(options, node) : await clearWorker(options, node);
      if (!cleared) continue;
      await runScript(
        options.redis,
        "release-lease",
        options.keys.leases(role),
        options.keys.nodes(role),
        node,
      );
      options.log.info({ lostRole: role, lostNode: node }, "cleared up after a node whose lease ran out");
    }
  }
}

async function expired({ redis, keys }: LeaderOptions, role: Role): Promise<string[]> {
  return (await runScript(redis, "expired-nodes", keys.leases(role), NO_LEASE_MS)) as string[];
}

/** Its connections are gone: out of the registry with them. */
async function clearGateway({ redis, keys }: LeaderOptions, gateway: string): Promise<true> {
  const users = keys.gatewayUsers(gateway);
  for (let cursor = "0"; ; ) {
    const [next, members] = await redis.sscan(users, cursor, "COUNT", 500);
    for (const member of members) {
      const at = member.indexOf("/");
      const registry = keys.registry(member.slice(0, at), member.slice(at + 1));
      const held = await redis.zrange(registry, "0", "-1");
      const gone = held.filter((name) => name.startsWith(`${gateway}/`));
      if (gone.length > 0) await redis.zrem(registry, ...gone);
    }
    if (next === "0") break;
    cursor = next;
  }
  await redis.del(users);
  await redis.del(keys.replyStream(gateway));
  await redis.hdel(keys.fencesConfirmed(), gateway);
  return true;
}

/**
 * What it had read is claimed by others; once nothing is left, the group forgets it.
 *
 * @returns false while it still holds entries: forgetting it would lose them
 */
async function clearWorker({ redis, keys, streams }: LeaderOptions, worker: string): Promise<boolean> {
  for (let stream = 0; stream < streams; stream++) {
    const key = keys.commandStream(stream);
    try {
      const pending = await redis.xpending(key, COMMAND_GROUP, "-", "+", 1, worker);
      if (pending.length > 0) return false;
      await redis.xgroup("DELCONSUMER", key, COMMAND_GROUP, worker);
    } catch (error) {
      // A Redis that came back empty knows neither the group nor the worker.
      if (!(error as Error).message.startsWith("NOGROUP")) throw error;
    }
  }
  return true;
}
