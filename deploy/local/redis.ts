/** A real Redis (or Valkey) of our own: the one that is installed, else one that is fetched. */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { Redis } from "ioredis";
import { canRun, fetchRedis, type RedisProgram } from "./fetch-redis.ts";
import { type ServerKind, type StoreOptions, type StoreServer, startServer } from "./store-server.ts";

const INSTALLED = ["redis-server", "valkey-server"];

/** What starting Redis takes. */
export interface RedisOptions extends StoreOptions {
  cacheDir: string;
  /** Arguments before ours: a file of settings, what makes it one of a Cluster. */
  args?: readonly string[];
}

/** Starts Redis on `options.dir`; resolves when it has its data and answers. */
export async function startRedis(options: RedisOptions): Promise<StoreServer> {
  const dir = resolve(options.dir);
  const program = await findProgram(options);
  mkdirSync(dir, { recursive: true });
  const storage = options.durable
    ? ["--appendonly", "yes", "--appendfsync", "everysec"]
    : ["--save", "", "--appendonly", "no"];
  const { file, libraries } = program;
  const kind: ServerKind = {
    name: "Redis",
    stopSignal: "SIGTERM",
    stopWithinMs: 5_000,
    // With much data it takes a while to load.
    readyWithinMs: 60_000,
    portTaken: /Address already in use/,
    url: (port) => `redis://127.0.0.1:${port}`,
    command: (port) => ({
      file,
      args: [
        ...(options.args ?? []),
        ...["--port", String(port), "--bind", "127.0.0.1", "--protected-mode", "yes", "--dir", dir],
        ...storage,
      ],
      spawn: libraries.length === 0 ? {} : { env: { LD_LIBRARY_PATH: libraries.join(":") } },
    }),
    probe,
  };
  return startServer(kind, { ...options, dir });
}

async function findProgram(options: RedisOptions): Promise<RedisProgram> {
  for (const file of INSTALLED) if (await canRun(file)) return { file, libraries: [] };
  return fetchRedis(options);
}

/** Throws until it has loaded its data and answers, and is the process that we started. */
async function probe(port: number, pid: number): Promise<void> {
  const client = new Redis(port, "127.0.0.1", {
    lazyConnect: true,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
    retryStrategy: () => null,
    enableReadyCheck: false,
  });
  // Without a listener it prints what the rejection says anyway.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.ping();
    const found = /process_id:(\d+)/.exec(await client.info("server"))?.[1];
    if (found !== String(pid)) throw new Error(`port ${port} belongs to another Redis, process ${found}`);
  } finally {
    client.disconnect();
  }
}
