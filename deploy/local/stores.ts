/** Postgres and Redis of a local cluster or a test run: those not given by URL are started, and kept running. */
import { join } from "node:path";
import { backoffMs, pause } from "../../shared/backoff.ts";
import type { Guardian } from "./guardian.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import type { StoreServer } from "./store-server.ts";

/** Which stores, and what becomes of one that dies. */
export interface StoresOptions {
  /** The data are in its `postgres` and `redis`. */
  dir: string;
  /** For a Redis that has to be fetched; worth keeping between runs. */
  cacheDir: string;
  durable: boolean;
  /** Stores that run already: they are used, and left alone. */
  databaseUrl?: string | undefined;
  redisUrl?: string | undefined;
  guardian: Guardian;
  progress: (text: string) => void;
  /** Whether a store that died is started again; else `failed` resolves. */
  restart: boolean;
  /** Called when a store was started again: its pid is another. */
  onChange?: (() => void) | undefined;
}

/** Stores that run. */
export interface Stores {
  databaseUrl: string;
  redisUrl: string;
  /** null: not ours. */
  postgresPid(): number | null;
  redisPid(): number | null;
  /** Resolves when a store died and is not started again. */
  failed: Promise<Error>;
  /** Stops what we started. */
  stop(): Promise<void>;
}

/** One store, whichever process it is at the moment. */
interface Store {
  url: string;
  pid(): number | null;
  stop(): Promise<void>;
}

/** Starts a store, on a port of its choice unless one is given. */
type Start = (port: number | undefined, onExit: (error: Error) => void) => Promise<StoreServer>;

const RESTART_AFTER_MS = 200;
const RESTART_WITHIN_MS = 2_000;

/** Starts the stores, both at once. If one cannot be started, the other is stopped again. */
export async function startStores(options: StoresOptions): Promise<Stores> {
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  const { dir, cacheDir, durable, guardian, progress } = options;
  const both = await Promise.allSettled([
    openStore("Postgres", options.databaseUrl, options, fail, (port, onExit) =>
      startPostgres({ dir: join(dir, "postgres"), guardian, progress, durable, port, onExit }),
    ),
    openStore("Redis", options.redisUrl, options, fail, (port, onExit) =>
      startRedis({ dir: join(dir, "redis"), cacheDir, guardian, progress, durable, port, onExit }),
    ),
  ]);
  const [postgres, redis] = both;
  if (postgres.status === "rejected" || redis.status === "rejected") {
    for (const one of both) if (one.status === "fulfilled") await one.value.stop();
    throw postgres.status === "rejected" ? postgres.reason : (redis as PromiseRejectedResult).reason;
  }
  return {
    databaseUrl: postgres.value.url,
    redisUrl: redis.value.url,
    postgresPid: postgres.value.pid,
    redisPid: redis.value.pid,
    failed,
    async stop() {
      await Promise.all([postgres.value.stop(), redis.value.stop()]);
    },
  };
}

async function openStore(
  name: string,
  givenUrl: string | undefined,
  { restart, progress, onChange }: StoresOptions,
  fail: (error: Error) => void,
  start: Start,
): Promise<Store> {
  if (givenUrl) return { url: givenUrl, pid: () => null, stop: async () => undefined };

  const stopping = new AbortController();
  let restarting: Promise<void> = Promise.resolve();
  let server = await start(undefined, died);
  const { url } = server;

  function died(error: Error): void {
    if (stopping.signal.aborted) return;
    if (!restart) {
      fail(error);
      return;
    }
    progress(`${error.message}\nStarting ${name} again`);
    restarting = startAgain();
  }

  /** On its old port, because that is where its clients look for it. */
  async function startAgain(): Promise<void> {
    const port = Number(new URL(url).port);
    for (let attempt = 0; ; attempt++) {
      await pause(
        attempt === 0 ? RESTART_AFTER_MS : backoffMs(attempt, RESTART_AFTER_MS, RESTART_WITHIN_MS),
        stopping.signal,
      );
      if (stopping.signal.aborted) return;
      try {
        server = await start(port, died);
        if (!stopping.signal.aborted) onChange?.();
        return;
      } catch (error) {
        progress(`${name} does not start again yet: ${(error as Error).message}`);
      }
    }
  }

  return {
    url,
    pid: () => server.pid,
    async stop() {
      stopping.abort();
      await restarting;
      await server.stop();
    },
  };
}
