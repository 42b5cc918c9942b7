/** Reads, every few seconds, what the cluster holds: its processes, Redis and Postgres. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import postgres from "postgres";
import type { ClusterFacts } from "../cluster.ts";
import { namedPids, processUsage, redisMemoryMb } from "../usage.ts";
import type { Curves } from "./curves.ts";

interface SamplerOptions {
  facts: () => Promise<ClusterFacts>;
  curves: Curves;
  everyMs: number;
  /** Told the seconds since the start at each sample, for what the load itself measured. */
  onSample(at: number): void;
  signal: AbortSignal;
}

const MB = 2 ** 20;

/** Samples until `signal` aborts. */
export async function sample({ facts, curves, everyMs, onSample, signal }: SamplerOptions): Promise<void> {
  const first = await facts();
  const redis = new Redis(first.redis_url);
  const sql = postgres(first.database_url, { max: 1, onnotice() {} });
  const began = performance.now();
  try {
    while (!signal.aborted) {
      const at = Math.round((performance.now() - began) / 1000);
      const now = await facts();
      sampleProcesses(curves, at, now);
      await Promise.all([
        sampleNodes(curves, at, now),
        sampleRedis(curves, at, redis),
        sampleTables(curves, at, sql),
      ]);
      onSample(at);
      await sleep(everyMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    redis.disconnect();
    await sql.end();
  }
}

function sampleProcesses(curves: Curves, at: number, facts: ClusterFacts): void {
  for (const [name, pid] of namedPids(facts)) {
    const usage = processUsage(pid);
    if (usage === null) continue;
    curves.add("rss", name, at, usage.rssMb);
    curves.add("handles", name, at, usage.handles);
    curves.add("threads", name, at, usage.threads);
  }
}

/** What the nodes say of themselves. */
async function sampleNodes(curves: Curves, at: number, { gateways, workers }: ClusterFacts): Promise<void> {
  const nodes = [
    ...gateways.map(({ ops }, i) => [`gateway ${i + 1}`, ops] as const),
    ...workers.map(({ ops }, i) => [`worker ${i + 1}`, ops] as const),
  ];
  for (const [name, ops] of nodes) {
    const text = await (await fetch(`${ops}/metrics`)).text();
    const sum = (metric: string) =>
      [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].reduce(
        (total, [, value]) => total + Number(value),
        0,
      );
    curves.add("heap", name, at, sum("nodejs_heap_size_used_bytes") / MB);
    if (name.startsWith("gateway")) curves.add("connections", name, at, sum("foyer_gateway_connections"));
  }
}

/** Keys by their second part, whatever world or user they are of; streams by their length too. */
async function sampleRedis(curves: Curves, at: number, redis: Redis): Promise<void> {
  const kinds = new Map<string, string[]>();
  for await (const keys of redis.scanStream({ count: 1_000 })) {
    for (const key of keys as string[]) {
      const [, kind = "other"] = key.split(":");
      kinds.set(kind, [...(kinds.get(kind) ?? []), key]);
    }
  }
  let total = 0;
  for (const [kind, keys] of kinds) {
    const distinct = new Set(keys);
    total += distinct.size;
    curves.add("redis keys", kind, at, distinct.size);
    const [one] = distinct;
    if ((await redis.type(one!)) !== "stream") continue;
    let entries = 0;
    for (const key of distinct) entries += await redis.xlen(key);
    curves.add("redis stream", kind, at, entries);
  }
  curves.add("redis keys", "all", at, total);
  curves.add("redis memory", "data", at, await redisMemoryMb(redis));
}

/** Asks the catalogue, which knows no worlds: an operator's view of a database that may be somebody else's. */
async function sampleTables(curves: Curves, at: number, sql: postgres.Sql): Promise<void> {
  const rows = await sql<{ name: string; bytes: number }[]>`
    select relname as name, pg_total_relation_size(oid)::float8 as bytes
    from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`;
  for (const { name, bytes } of rows) curves.add("table", name, at, bytes / MB);
}
