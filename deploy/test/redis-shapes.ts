/**
 * Redis in each of its shapes, of real servers on free ports: one server; a primary with two replicas and three
 * Sentinels; a Cluster of three primaries with a replica each. All end with the test, however it ends.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Redis } from "ioredis";
import type { Test } from "tap";
import { slotOf } from "../../shared/redis/slots.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { type Guardian, startGuardian } from "../local/guardian.ts";
import { freePort } from "../local/ports.ts";
import { startRedis } from "../local/redis.ts";
import type { StoreServer } from "../local/store-server.ts";

/** How fast a dead server is found out: small, as on a good network. */
export const NODE_TIMEOUT_MS = 1_000;

/** A server that can be killed and started again. */
export interface TestRedis {
  port: number;
  /** Ends it at once. */
  kill(): void;
  signal(signal: NodeJS.Signals): void;
  /** Starts it again on its port, as empty as it was made. */
  startAgain(): Promise<void>;
  /** Runs commands on this very server. */
  with<T>(work: (redis: Redis) => Promise<T>): Promise<T>;
}

/** What the tests need of any shape. */
export interface RedisShape {
  name: "single" | "sentinel" | "cluster";
  /** For `REDIS_URL`. */
  url: string;
  /** The primary that holds a key now. */
  primaryOf(key: string): Promise<TestRedis>;
  servers: TestRedis[];
}

type Start = (name: string, args?: string[], busPort?: number) => Promise<TestRedis>;

/** One server. */
export async function startSingle(t: Test): Promise<RedisShape> {
  const [start] = await openFolder(t);
  const server = await start("single");
  const url = `redis://127.0.0.1:${server.port}`;
  return { name: "single", url, servers: [server], primaryOf: async () => server };
}

/** A primary with two replicas, watched by three Sentinels. */
export async function startSentinel(t: Test): Promise<RedisShape> {
  const [start, dir] = await openFolder(t);
  const primary = await start("primary");
  const replicas = await Promise.all(
    ["replica-a", "replica-b"].map((name) => start(name, ["--replicaof", "127.0.0.1", String(primary.port)])),
  );
  const sentinels = await Promise.all(
    ["sentinel-a", "sentinel-b", "sentinel-c"].map((name) => {
      const file = join(dir, `${name}.conf`);
      const settings = [
        `sentinel monitor foyer 127.0.0.1 ${primary.port} 2`,
        `sentinel down-after-milliseconds foyer ${NODE_TIMEOUT_MS}`,
        "sentinel failover-timeout foyer 5000",
      ];
      writeFileSync(file, `${settings.join("\n")}\n`);
      return start(name, [file, "--sentinel"]);
    }),
  );
  const servers = [primary, ...replicas];
  const ask = (sentinel: TestRedis, what: string) =>
    sentinel.with(async (redis) => (await redis.call("SENTINEL", what, "foyer")) as string[]);
  await waitFor("the Sentinels to know each other and the replicas", async () => {
    const known = await Promise.all(
      sentinels.map(async (one) => [
        (await ask(one, "sentinels")).length,
        (await ask(one, "replicas")).length,
      ]),
    );
    return known.flat().every((count) => count === 2);
  });
  await untilReplicated(servers.slice(1));
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",");
  return {
    name: "sentinel",
    url: `redis+sentinel://${hosts}/foyer`,
    servers,
    primaryOf: async () => {
      const [, port] = await ask(sentinels[0]!, "get-master-addr-by-name");
      return servers.find((server) => server.port === Number(port))!;
    },
  };
}

/** A Cluster of three primaries, each with one replica. */
export async function startCluster(t: Test): Promise<RedisShape> {
  const [start] = await openFolder(t);
  const servers = await Promise.all(
    Array.from({ length: 6 }, async (_, i) => {
      const busPort = await freePort();
      const server = await start(`node-${i}`, [
        ...["--cluster-enabled", "yes", "--cluster-port", String(busPort)],
        ...["--cluster-node-timeout", String(NODE_TIMEOUT_MS), "--cluster-replica-validity-factor", "0"],
      ]);
      return { ...server, busPort };
    }),
  );
  const ids = await Promise.all(
    servers.map((one) => one.with((redis) => redis.call("CLUSTER", "MYID") as Promise<string>)),
  );
  const first = servers[0]!;
  for (const { port, busPort } of servers.slice(1)) {
    await first.with((redis) => redis.call("CLUSTER", "MEET", "127.0.0.1", port, busPort));
  }
  const ranges = [
    [0, 5_460],
    [5_461, 10_922],
    [10_923, 16_383],
  ] as const;
  for (const [i, [from, to]] of ranges.entries()) {
    // Nodes that gave themselves the same epoch settle it later, which takes longer than a test may.
    await servers[i]!.with((redis) => redis.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1).catch(() => {}));
    await servers[i]!.with((redis) => redis.call("CLUSTER", "ADDSLOTSRANGE", from, to));
  }
  await waitFor("all to know all", async () => {
    const known = await Promise.all(servers.map((one) => one.with(nodesOf)));
    return known.every((text) => ids.every((id) => text.includes(id)) && !text.includes("handshake"));
  });
  for (const i of [0, 1, 2]) {
    await waitFor("a replica to be taken", () =>
      servers[i + 3]!.with((redis) =>
        redis.call("CLUSTER", "REPLICATE", ids[i]!).then(
          () => true,
          () => false,
        ),
      ),
    );
  }
  await waitFor("the Cluster to be well", async () => {
    const infos = await Promise.all(
      servers.map((one) => one.with((redis) => redis.call("CLUSTER", "INFO") as Promise<string>)),
    );
    return infos.every((info) => info.includes("cluster_state:ok"));
  });
  await untilReplicated(servers.slice(3));
  return {
    name: "cluster",
    url: `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    servers,
    primaryOf: async (key) => {
      const slot = slotOf(key);
      for (const server of servers) {
        const nodes = await server.with(nodesOf).catch(() => null);
        const myself = nodes?.split("\n").find((line) => line.includes("myself"));
        if (myself === undefined || !myself.includes("master")) continue;
        const owns = myself
          .split(" ")
          .slice(8)
          .some((range) => {
            const [from = -1, to = from] = range.split("-").map(Number);
            return from <= slot && slot <= to;
          });
        if (owns) return server;
      }
      throw new Error(`no primary holds ${key}`);
    },
  };
}

/** The shapes by name. */
export const shapes = { single: startSingle, sentinel: startSentinel, cluster: startCluster };

/** Waits until somebody else is primary for a key. @returns it */
export async function untilPromoted(shape: RedisShape, key: string, old: TestRedis): Promise<TestRedis> {
  let found: TestRedis | null = null;
  await waitFor(
    "a replica to be promoted",
    async () => {
      const primary = await shape.primaryOf(key).catch(() => null);
      if (primary === null || primary.port === old.port) return false;
      const role = await primary.with((redis) => redis.call("ROLE") as Promise<string[]>).catch(() => null);
      if (role?.[0] !== "master") return false;
      found = primary;
      return true;
    },
    15_000,
  );
  return found!;
}

function nodesOf(redis: Redis): Promise<string> {
  return redis.call("CLUSTER", "NODES") as Promise<string>;
}

async function untilReplicated(replicas: readonly TestRedis[]): Promise<void> {
  await waitFor("replicas to be in step", async () => {
    const infos = await Promise.all(replicas.map((one) => one.with((redis) => redis.info("replication"))));
    return infos.every((info) => info.includes("master_link_status:up"));
  });
}

async function openFolder(t: Test): Promise<[Start, string]> {
  const dir = mkdtempSync(join(tmpdir(), "foyer-redis-"));
  const guardian = await startGuardian();
  guardian.removeAtEnd(dir);
  t.teardown(async () => {
    await guardian.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return [(name, args = []) => startOne(t, guardian, dir, name, args), dir];
}

async function startOne(
  t: Test,
  guardian: Guardian,
  dir: string,
  name: string,
  args: string[],
): Promise<TestRedis> {
  const options = {
    dir: join(dir, name),
    cacheDir: resolve(".foyer", "cache"),
    guardian,
    progress: (text: string) => t.comment(text),
    durable: false,
    args,
  };
  let server: StoreServer = await startRedis(options);
  t.teardown(() => server.stop());
  const port = Number(new URL(server.url).port);
  return {
    port,
    kill: () => process.kill(server.pid, "SIGKILL"),
    signal: (signal) => process.kill(server.pid, signal),
    async startAgain() {
      server = await startRedis({ ...options, port });
    },
    async with(work) {
      const redis = new Redis(port, "127.0.0.1", {
        retryStrategy: () => null,
        connectTimeout: 2_000,
        commandTimeout: 5_000,
        enableReadyCheck: false,
      });
      redis.on("error", () => {});
      try {
        return await work(redis);
      } finally {
        redis.disconnect();
      }
    },
  };
}
