/** What processes and Redis hold at a moment: read from /proc, and asked of Redis. */
import { readdirSync, readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import type { ClusterFacts } from "./cluster.ts";

/** One process. */
export interface ProcessUsage {
  rssMb: number;
  threads: number;
  /** Open files and sockets. */
  handles: number;
}

/** Its name is stable from one sample to the next: `gateway 1`. */
export function namedPids({ gateways, workers, redis_pid }: ClusterFacts): Map<string, number> {
  const named = new Map<string, number>();
  for (const [i, { pid }] of gateways.entries()) named.set(`gateway ${i + 1}`, pid);
  for (const [i, { pid }] of workers.entries()) named.set(`worker ${i + 1}`, pid);
  if (redis_pid !== null) named.set("redis", redis_pid);
  return named;
}

/** What a process uses; null when it is gone, or of another user. */
export function processUsage(pid: number): ProcessUsage | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
    return {
      rssMb: field("VmRSS") / 1024,
      threads: field("Threads"),
      handles: readdirSync(`/proc/${pid}/fd`).length,
    };
  } catch {
    return null;
  }
}

/** Clock ticks a second in /proc, on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

/**
 * Processor seconds that a process has used, and those that it started and that have ended; null when it is gone.
 * Postgres is as many processes as there are links to it: `withChildren` adds those that run.
 */
export function cpuSeconds(pid: number, withChildren = false): number | null {
  const own = readStat(pid);
  if (own === null || !withChildren) return own?.seconds ?? null;
  return childrenOf(pid).reduce((sum, child) => sum + (readStat(child)?.seconds ?? 0), own.seconds);
}

/** Resident MB of a process; with its children only what they do not share, which is what each adds. */
export function residentMb(pid: number, withChildren = false): number | null {
  const own = processUsage(pid);
  if (own === null || !withChildren) return own?.rssMb ?? null;
  return childrenOf(pid).reduce((sum, child) => sum + anonymousMb(child), own.rssMb);
}

function anonymousMb(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    // It has ended.
    return 0;
  }
}

function readStat(pid: number): { parent: number; seconds: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may have spaces in it.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    return { parent: Number(fields[1]), seconds: ticks / TICKS_A_SECOND };
  } catch {
    return null;
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => readStat(each)?.parent === pid);
}

/** Bytes that Redis uses for its data, in MB. */
export async function redisMemoryMb(redis: Redis): Promise<number> {
  const info = await redis.info("memory");
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0) / 2 ** 20;
}
