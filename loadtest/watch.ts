/** What each process of the cluster takes, second by second: from /proc on this machine, else from its metrics. */
import { Redis } from "ioredis";
import { createKeys } from "../shared/redis/keys.ts";
import { scrape } from "../shared/testing/metrics.ts";
import type { ClusterFacts } from "./cluster.ts";
import { cpuSeconds, namedPids, residentMb } from "./usage.ts";

/** One process at one moment, or over the time since the last one. */
export interface ProcessPoint {
  /** Seconds since the run began. */
  at: number;
  /** Share of one processor. */
  cpu: number;
  rssMb: number;
}

/** What was seen. */
export interface Watched {
  processes: Record<string, ProcessPoint[]>;
  /** Commands that wait in the streams. */
  queue: { at: number; value: number }[];
}

/** Where to look. */
export interface Watchable {
  facts: (() => Promise<ClusterFacts>) | null;
  /** Ops addresses of nodes that are known by nothing else. */
  ops: readonly string[];
}

const EVERY_MS = 1_000;
/** What `foyer local` uses. */
const PREFIX = "foyer";

interface Reading {
  cpuSeconds: number;
  rssMb: number;
}

/** Looks every second until `stop` is called, which gives what was seen. */
export function watch({ facts, ops }: Watchable): { stop(): Promise<Watched>; latest: Watched } {
  const seen: Watched = { processes: {}, queue: [] };
  const before = new Map<string, Reading & { when: number }>();
  const began = performance.now();
  let redis: Redis | null = null;
  let looking: Promise<void> = Promise.resolve();

  const look = async () => {
    const readings = facts === null ? await readMetrics(ops, seen, began) : readLocal(await facts());
    const when = performance.now();
    const at = Math.round((when - began) / 1000);
    for (const [name, reading] of readings) {
      const last = before.get(name);
      before.set(name, { ...reading, when });
      // A node that was started anew counts from nothing.
      if (last === undefined || reading.cpuSeconds < last.cpuSeconds) continue;
      const cpu = (reading.cpuSeconds - last.cpuSeconds) / ((when - last.when) / 1000);
      seen.processes[name] ??= [];
      seen.processes[name].push({ at, cpu: round3(cpu), rssMb: round3(reading.rssMb) });
    }
    if (facts === null) return;
    redis ??= new Redis((await facts()).redis_url);
    seen.queue.push({ at, value: Number(await redis.get(createKeys(PREFIX).backlog(0))) });
  };
  const timer = setInterval(() => {
    // A node may be away at the moment: that shows as a gap.
    looking = looking.then(look).catch(() => {});
  }, EVERY_MS);
  return {
    latest: seen,
    async stop() {
      clearInterval(timer);
      await looking;
      redis?.disconnect();
      return seen;
    },
  };
}

function readLocal(facts: ClusterFacts): Map<string, Reading> {
  const readings = new Map<string, Reading>();
  const pids = namedPids(facts);
  if (facts.postgres_pid !== null) pids.set("postgres", facts.postgres_pid);
  for (const [name, pid] of pids) {
    const isFamily = name === "postgres";
    const cpu = cpuSeconds(pid, isFamily);
    const rssMb = residentMb(pid, isFamily);
    if (cpu !== null && rssMb !== null) readings.set(name, { cpuSeconds: cpu, rssMb });
  }
  return readings;
}

async function readMetrics(
  ops: readonly string[],
  seen: Watched,
  began: number,
): Promise<Map<string, Reading>> {
  const scrapes = await Promise.all(ops.map((each) => scrape(each.replace(/\/$/, ""))));
  const counted = new Map<string, number>();
  const readings = new Map<string, Reading>();
  let queue: number | null = null;
  for (const { names, value } of scrapes) {
    const role = names.some((name) => name.startsWith("foyer_gateway_")) ? "gateway" : "worker";
    const nth = (counted.get(role) ?? 0) + 1;
    counted.set(role, nth);
    readings.set(`${role} ${nth}`, {
      cpuSeconds: value("process_cpu_seconds_total"),
      rssMb: value("process_resident_memory_bytes") / 2 ** 20,
    });
    // Every worker reports the same streams.
    if (role === "worker") queue = Math.max(queue ?? 0, value("foyer_core_stream_length"));
  }
  if (queue !== null) seen.queue.push({ at: Math.round((performance.now() - began) / 1000), value: queue });
  return readings;
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
