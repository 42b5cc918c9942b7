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

/** Bytes that Redis uses for its data, in MB. */
export async function redisMemoryMb(redis: Redis): Promise<number> {
  const info = await redis.info("memory");
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0) / 2 ** 20;
}
