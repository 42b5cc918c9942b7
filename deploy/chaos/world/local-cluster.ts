/**
 * A cluster of `foyer local`, known by its ready file alone: what happens to it comes from outside, as with kill(1).
 * The file says who is who at any moment; a part whose process is another one has ended.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectDatabase } from "../../../core/sql/database.ts";
import { deleteWorld, importWorld } from "../../../core/world-file.ts";
import { type ClusterFacts, startCluster, type Target } from "../../../loadtest/cluster.ts";
import { pause } from "../../../shared/backoff.ts";
import { createLog } from "../../../shared/log.ts";
import { inherited } from "../../../shared/testing/node.ts";
import { chaosWorld, WORLD } from "./chaos-world.ts";
import type { ChaosCluster } from "./cluster.ts";
import { type ChaosNode, DRAIN_SECONDS } from "./nodes.ts";
import { straysIn } from "./strays.ts";

const LOOK_EVERY_MS = 50;

/** How a cluster of one's own is started. */
interface LocalOptions {
  gateways: number;
  workers: number;
  /** Data on the disk, Redis' too; else they are gone when their server ends. */
  durable: boolean;
  progress(text: string): void;
  signal: AbortSignal;
}

/** Runs `foyer local` with `FOYER_LOCAL_RESTART_STORES=1`, and takes its ready file. */
export async function startLocalCluster(options: LocalOptions): Promise<ChaosCluster> {
  const { gateways, workers, durable, progress, signal } = options;
  const folder = mkdtempSync(join(tmpdir(), "foyer-chaos-"));
  const target = await startCluster({
    environment: {
      ...inherited(),
      FOYER_LOCAL_RESTART_STORES: "1",
      FOYER_MAX_FAILED_LOGINS_PER_IP: "0",
      FOYER_DRAIN_SECONDS: String(DRAIN_SECONDS),
    },
    signal,
    options: [
      ...["--gateways", String(gateways), "--workers", String(workers)],
      ...(durable ? ["--data", folder] : []),
    ],
  });
  const cluster = await takeLocalCluster(target, progress);
  const logs = join(folder, "log");
  return {
    ...cluster,
    folder,
    strays: () => (durable ? straysIn(readdirSync(logs).map((name) => join(logs, name))) : []),
    async stop(keep) {
      await cluster.stop(keep);
      await target.stop();
      if (!keep || !durable) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Takes a cluster that runs. It is left as it is, but for the accounts that logged in: their world goes again. */
export async function takeLocalCluster(
  { facts: read }: Pick<Target, "facts">,
  progress: (text: string) => void,
): Promise<ChaosCluster> {
  let facts = await read!();
  const sql = connectDatabase(facts.database_url, { max: 1, log: createLog("silent") });
  await importWorld(sql, null, chaosWorld);
  const crashes: string[] = [];
  const expected = new Set<string>();
  const pids = new Map<string, number>();
  const follow = () => {
    for (const [name, pid] of partsOf(facts)) {
      const before = pids.get(name) ?? 0;
      pids.set(name, pid);
      if (before === 0 || before === pid) continue;
      progress(`${name} ended (process ${before})`);
      if (!expected.delete(name)) crashes.push(`${name} ended (process ${before}), and nobody had ended it`);
    }
  };
  follow();
  const ended = new AbortController();
  const looking = (async () => {
    for (; !ended.signal.aborted; await pause(LOOK_EVERY_MS, ended.signal)) {
      try {
        facts = await read!();
        follow();
      } catch (error) {
        const { message } = error as Error;
        if (!crashes.includes(message)) crashes.push(message);
      }
    }
  })();

  const nodes = (role: ChaosNode["role"]) => {
    const list = () => (role === "gateway" ? facts.gateways : facts.workers);
    return list().map((_, i): ChaosNode => {
      const at = () => list()[i]!;
      return {
        name: `${role}-${i + 1}`,
        role,
        pid: () => at().pid,
        id: () => at().id,
        port: () => (role === "gateway" ? Number(new URL(facts.gateways[i]!.ws).port) : 0),
        own: null,
      };
    });
  };
  return {
    gateways: nodes("gateway"),
    workers: nodes("worker"),
    stores: {
      databaseUrl: facts.database_url,
      redisUrl: facts.redis_url,
      postgresPid: () => facts.postgres_pid,
      redisPid: () => facts.redis_pid,
    },
    folder: null,
    url: (gateway) => `ws://127.0.0.1:${gateway.port()}/ws/world/${WORLD}`,
    sql,
    expectEnd: (target) => void expected.add(target),
    crashes,
    strays: () => [],
    async stop(keep) {
      ended.abort();
      await looking;
      if (!keep) await deleteWorld(sql, null, WORLD);
      await sql.end({ timeout: 1 });
    },
  };
}

/** Every process of a cluster, by the name that plans have for it. */
function partsOf({ gateways, workers, postgres_pid, redis_pid }: ClusterFacts): [string, number][] {
  return [
    ...gateways.map(({ pid }, i): [string, number] => [`gateway-${i + 1}`, pid]),
    ...workers.map(({ pid }, i): [string, number] => [`worker-${i + 1}`, pid]),
    ["postgres", postgres_pid ?? 0],
    ["redis", redis_pid ?? 0],
  ];
}
