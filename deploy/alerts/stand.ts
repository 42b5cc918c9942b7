/** The cluster that is broken so that alerts fire: its own stores and nodes, and a Prometheus that looks at them. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { migrate } from "../../core/migrate.ts";
import { connectDatabase, type Sql } from "../../core/sql/database.ts";
import { importWorld } from "../../core/world-file.ts";
import { findCheckout } from "../../loadtest/cluster.ts";
import { createLog } from "../../shared/log.ts";
import { createKeys, type Keys } from "../../shared/redis/keys.ts";
import {
  type NodeStart,
  startGatewayNode,
  startWorkerNode,
  type TestGateway,
  type TestNode,
} from "../../shared/testing/node.ts";
import { startGuardian } from "../local/guardian.ts";
import { startStores } from "../local/stores.ts";
import { alerts } from "../prometheus/alerts.ts";
import { ruleFile } from "../prometheus/rule-files.ts";
import { impatient } from "./impatient.ts";
import { startPrometheus } from "./prometheus.ts";

/** What a breakage finds. */
export interface Stand {
  /** Takes `MAX_CONNECTIONS` at the most. */
  main: TestGateway;
  other: TestGateway;
  /** Those that run, or were killed. */
  workers: readonly TestNode[];
  redisPid: number;
  redis: Redis;
  keys: Keys;
  sql: Sql;
  /** The name of the world, for `TestGateway.world`. */
  world: string;
  /** One more, at which Prometheus looks too. */
  startGateway(environment: Record<string, string>): Promise<TestGateway>;
  /** New workers instead of those that are gone. */
  replaceWorkers(): Promise<void>;
  /** Names of the alerts that fire now. */
  firing(): Promise<Set<string>>;
  stop(): Promise<void>;
}

/** Of the main gateway. */
export const MAX_CONNECTIONS = 80;

/** A gateway gives a command up soon, so that failing shows soon. */
const GATEWAY_TIMEOUT_MS = 3_000;
/** A worker does not, so that a command can stand for longer than the 10 s after which somebody is called. */
const WORKER_TIMEOUT_MS = 18_000;
const WORKERS = 2;
const WORLD = "alerts";

const world = {
  world: { id: WORLD, title: "Alerts" },
  roles: { attendee: ["world:view", "world:users.manage"] },
  trait_grants: { attendee: [] },
};

/** Starts all of it; resolves once Prometheus sees all nodes. @throws Error; then nothing is left */
export async function openStand(progress: (text: string) => void): Promise<Stand> {
  const guardian = await startGuardian();
  const endings: (() => unknown)[] = [() => guardian.close()];
  const stop = async () => {
    for (const end of endings.splice(0).reverse()) await end();
  };
  try {
    const dir = mkdtempSync(join(tmpdir(), "foyer-alerts-"));
    guardian.removeAtEnd(dir);
    const cacheDir = join(findCheckout(), ".foyer", "cache");
    const log = createLog("silent");
    const stores = await startStores({ dir, cacheDir, durable: false, guardian, progress, restart: false });
    endings.push(() => stores.stop());
    const { databaseUrl, redisUrl } = stores;
    await migrate(databaseUrl, log);
    const sql = connectDatabase(databaseUrl, { max: 2, log });
    endings.push(() => sql.end({ timeout: 1 }));
    await importWorld(sql, null, world);
    const redis = new Redis(redisUrl);
    endings.push(() => redis.disconnect());

    const nodes = new Set<TestNode>();
    endings.push(() => Promise.all([...nodes].map((node) => node.stop())));
    const how = (extra: Record<string, string>): NodeStart => ({
      environment: {
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        FOYER_PORT: "0",
        FOYER_OPS_PORT: "0",
        FOYER_DRAIN_SECONDS: "0",
        FOYER_MAX_FAILED_LOGINS_PER_IP: "0",
        FOYER_RATE: "0",
        FOYER_UPDATE_RATE: "0",
        // What fails here is meant to.
        FOYER_LOG_LEVEL: "fatal",
        ...extra,
      },
      onLine: progress,
    });
    const kept = async <N extends TestNode>(starting: Promise<N>): Promise<N> => {
      const node = await starting;
      guardian.watch(node.pid, "SIGKILL");
      nodes.add(node);
      node.process.once("exit", () => {
        guardian.unwatch(node.pid);
        nodes.delete(node);
      });
      return node;
    };
    const startWorkers = () =>
      Promise.all(
        Array.from({ length: WORKERS }, () =>
          kept(startWorkerNode(how({ FOYER_COMMAND_TIMEOUT_MS: String(WORKER_TIMEOUT_MS) }))),
        ),
      );
    const startGateway = (extra: Record<string, string>) =>
      kept(
        startGatewayNode(
          how({
            FOYER_COMMAND_TIMEOUT_MS: String(GATEWAY_TIMEOUT_MS),
            FOYER_MAX_SEND_BUFFER_BYTES: "100000",
            ...extra,
          }),
        ),
      );
    // A gateway is ready once a worker is there to hear, so that both have to start at once.
    const [workers, main, other] = await Promise.all([
      startWorkers(),
      startGateway({ FOYER_MAX_CONNECTIONS: String(MAX_CONNECTIONS) }),
      startGateway({}),
    ]);
    const teardown = (end: () => unknown) => void endings.push(end);
    const prometheus = await startPrometheus({ teardown }, [...nodes], ruleFile(alerts.map(impatient)));
    guardian.watch(prometheus.pid, "SIGKILL");
    const stand: Stand = {
      main,
      other,
      workers,
      redisPid: stores.redisPid()!,
      redis,
      keys: createKeys("foyer"),
      sql,
      world: WORLD,
      async startGateway(environment) {
        const gateway = await startGateway(environment);
        await prometheus.look([...nodes]);
        return gateway;
      },
      async replaceWorkers() {
        stand.workers = await startWorkers();
        await prometheus.look([...nodes]);
      },
      async firing() {
        const found = await prometheus.query('ALERTS{alertstate="firing"}');
        return new Set(found.map(({ metric }) => metric.alertname!));
      },
      stop,
    };
    return stand;
  } catch (error) {
    await stop();
    throw error;
  }
}
