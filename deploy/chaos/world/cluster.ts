/**
 * The cluster that things happen to: stores of its own and nodes as real processes, each behind proxies of its own
 * towards Redis and Postgres. What dies is started again by the very code that `foyer local` does it with.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate } from "../../../core/migrate.ts";
import { connectDatabase, type Sql } from "../../../core/sql/database.ts";
import { importWorld } from "../../../core/world-file.ts";
import { createLog } from "../../../shared/log.ts";
import { type Guardian, startGuardian } from "../../local/guardian.ts";
import { startStores } from "../../local/stores.ts";
import { findRoot } from "./build.ts";
import { chaosWorld, WORLD } from "./chaos-world.ts";
import { type ChaosNode, makeNode } from "./nodes.ts";
import { straysIn } from "./strays.ts";

/** Where a cluster's stores are. */
interface ChaosStores {
  databaseUrl: string;
  redisUrl: string;
  /** null: somebody else's, to which nothing may happen. */
  postgresPid(): number | null;
  redisPid(): number | null;
}

/** What the runner does with a cluster. */
export interface ChaosCluster {
  gateways: readonly ChaosNode[];
  workers: readonly ChaosNode[];
  stores: ChaosStores;
  /** The folder with data and logs; null where they are somebody else's. */
  folder: string | null;
  /** A gateway's WebSocket address, the world included. */
  url(gateway: ChaosNode): string;
  /** Past all proxies. */
  sql: Sql;
  /** Says that a part is about to end because of a fault. */
  expectEnd(target: string): void;
  /** Parts that ended, and nobody had ended them. */
  crashes: readonly string[];
  /** What nodes wrote that is no log line: warnings of Node's own, for one. */
  strays(): string[];
  /** Ends all of it. @param keep whether the folder stays, for looking at */
  stop(keep: boolean): Promise<void>;
}

export interface ClusterOptions {
  gateways: number;
  workers: number;
  /** The folder whose `deploy/bin/foyer.mjs` nodes run: a checkout, or a copy (`build.ts`). */
  program: string;
  /** Whether Redis keeps its data over a restart. */
  durable?: boolean;
  /** Stores that are there, migrated; without them it starts its own. */
  stores?: { databaseUrl: string; redisUrl: string; redisPrefix: string };
  progress(text: string): void;
}

/** Starts it; resolves once all nodes serve. */
export async function startChaosCluster(options: ClusterOptions): Promise<ChaosCluster> {
  const { progress, program } = options;
  const guardian = await startGuardian();
  const folder = mkdtempSync(join(tmpdir(), "foyer-chaos-"));
  const log = createLog("silent");
  const crashes: string[] = [];
  const logs = join(folder, "nodes");
  const expected = new Set<string>();
  const onEnd = (name: string, reason: string) => {
    progress(`${name} ended (${reason})`);
    if (!expected.delete(name)) crashes.push(`${name} ended (${reason}), see ${join(logs, `${name}.log`)}`);
  };
  const endings: (() => unknown)[] = [() => guardian.close()];
  const stop = async (keep: boolean) => {
    if (!keep) guardian.removeAtEnd(folder);
    for (const end of endings.reverse()) await end();
  };
  try {
    const { stores, redisPrefix, stop: stopStores } = await openStores(options, folder, guardian);
    endings.push(stopStores);
    const { databaseUrl, redisUrl } = stores;
    const sql = connectDatabase(databaseUrl, { max: 1, log });
    endings.push(() => sql.end({ timeout: 1 }));
    await importWorld(sql, null, chaosWorld);

    const make = (role: ChaosNode["role"], count: number) => {
      const names = Array.from({ length: count }, (_, i) => `${role}-${i + 1}`);
      return Promise.all(
        names.map((name) =>
          makeNode({
            role,
            name,
            program,
            folder: logs,
            databaseUrl,
            redisUrl,
            redisPrefix,
            guardian,
            onEnd,
          }),
        ),
      );
    };
    const gateways = await make("gateway", options.gateways);
    const workers = await make("worker", options.workers);
    const nodes = [...workers, ...gateways];
    endings.push(() => Promise.all(nodes.map((node) => node.stop())));
    await Promise.all(nodes.map((node) => node.start()));
    const url = (gateway: ChaosNode) => `ws://127.0.0.1:${gateway.port()}/ws/world/${WORLD}`;
    const expectEnd = (target: string) => void expected.add(target);
    const strays = () => straysIn(nodes.map(({ name }) => join(logs, `${name}.log`)));
    return { gateways, workers, stores, folder, url, sql, expectEnd, crashes, strays, stop };
  } catch (error) {
    await stop(true);
    throw error;
  }
}

async function openStores(
  { stores: given, durable = false, progress }: ClusterOptions,
  dir: string,
  guardian: Guardian,
): Promise<{ stores: ChaosStores; redisPrefix: string; stop(): Promise<void> }> {
  if (given !== undefined) {
    const stores = { ...given, postgresPid: () => null, redisPid: () => null };
    return { stores, redisPrefix: given.redisPrefix, stop: async () => {} };
  }
  const cacheDir = join(findRoot(), ".foyer", "cache");
  const own = await startStores({ dir, cacheDir, durable, guardian, progress, restart: true });
  await migrate(own.databaseUrl, createLog("silent"));
  return { stores: own, redisPrefix: "foyer", stop: () => own.stop() };
}
