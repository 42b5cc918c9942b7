/** What a local cluster tells others about itself: the ready file of `--ready-file`, and one in its data folder. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import type { LocalNode } from "./local-node.ts";
import type { Stores } from "./stores.ts";

/** What can be told. */
export interface ClusterFacts {
  gateways: readonly LocalNode[];
  workers: readonly LocalNode[];
  stores: Stores;
  world: string;
  redisPrefix: string;
}

/** The ready file's content (docs/operations.md). */
export function readyFacts({ gateways, workers, stores, world }: ClusterFacts) {
  return {
    gateways: gateways.map((node) => ({
      id: node.ready.id,
      ws: `ws://127.0.0.1:${node.ready.port}`,
      http: `http://127.0.0.1:${node.ready.port}`,
      ops: `http://127.0.0.1:${node.ready.opsPort}`,
      pid: node.pid,
    })),
    workers: workers.map((node) => ({
      id: node.ready.id,
      ops: `http://127.0.0.1:${node.ready.opsPort}`,
      pid: node.pid,
    })),
    database_url: stores.databaseUrl,
    redis_url: stores.redisUrl,
    postgres_pid: stores.postgresPid(),
    redis_pid: stores.redisPid(),
    world,
  };
}

/** The content of `cluster.json`, by which the command line finds a running cluster. */
export function clusterFacts(facts: ClusterFacts) {
  return { pid: process.pid, redis_prefix: facts.redisPrefix, ...readyFacts(facts) };
}

/** Writes a file whole, readable by its owner alone: it may name passwords. */
export function writeWhole(path: string, content: unknown): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

export function removeFile(path: string): void {
  rmSync(path, { force: true });
}
