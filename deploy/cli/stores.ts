/**
 * Where a command finds Postgres and Redis: in the environment, else in what a cluster started by `foyer local`
 * tells about itself in its data folder.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connectDatabase, type Sql } from "../../core/sql/database.ts";
import type { ClusterLink } from "../../core/world-file.ts";
import { createLog } from "../../shared/log.ts";
import { connectRedis, parseRedisUrl, untilReady } from "../../shared/redis/connect.ts";
import { createKeys } from "../../shared/redis/keys.ts";
import { readSettings } from "../../shared/settings.ts";
import { explainDatabase, Failure, type Io } from "./failure.ts";

/** Options of every command that needs a store. */
export interface StoreOptions {
  /** The data folder of a local cluster. */
  data: string;
}

/** Where they are; null: not known. */
export interface StoreAddresses {
  databaseUrl: string | null;
  redisUrl: string | null;
  redisPrefix: string;
  commandStreams: number;
}

interface LocalCluster {
  pid: number;
  database_url: string;
  redis_url: string;
  redis_prefix: string;
}

/** A Redis that does not answer within so long is taken as gone. */
const REDIS_MS = 5_000;

/**
 * Looks them up. What the environment names wins; a local cluster fills in the rest, unless the environment names
 * another store than the cluster's: then it is another cluster that is meant.
 *
 * @throws SettingsError
 */
export function findStores(environment: Io["environment"], data: string): StoreAddresses {
  const settings = readSettings(environment);
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = settings;
  const found = databaseUrl !== undefined && redisUrl !== undefined ? null : readLocalCluster(data);
  const isMeant =
    (databaseUrl === undefined || databaseUrl === found?.database_url) &&
    (redisUrl === undefined || redisUrl === found?.redis_url);
  const local = isMeant ? found : null;
  return {
    databaseUrl: databaseUrl ?? local?.database_url ?? null,
    redisUrl: redisUrl ?? local?.redis_url ?? null,
    redisPrefix:
      environment.FOYER_REDIS_PREFIX || local === null ? settings.FOYER_REDIS_PREFIX : local.redis_prefix,
    commandStreams: settings.FOYER_COMMAND_STREAMS,
  };
}

/** Runs `work` with Postgres' address. @throws Failure where it is not known, or Postgres does not answer */
export async function withDatabaseUrl<T>(
  io: Io,
  { data }: StoreOptions,
  work: (databaseUrl: string) => Promise<T>,
): Promise<T> {
  const { databaseUrl } = findStores(io.environment, data);
  if (databaseUrl === null) throw unknownStore("DATABASE_URL", data);
  try {
    return await work(databaseUrl);
  } catch (error) {
    throw explainDatabase(error);
  }
}

/** Runs `work` on the database, and closes the connections after it. */
export function withDatabase<T>(io: Io, options: StoreOptions, work: (sql: Sql) => Promise<T>): Promise<T> {
  return withDatabaseUrl(io, options, async (databaseUrl) => {
    const sql = connectDatabase(databaseUrl, { max: 2, log: createLog("silent") });
    try {
      return await work(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  });
}

/**
 * Runs `work` on Redis, and closes the connection after it.
 *
 * @throws Failure when Redis is not known or does not answer
 */
export async function withRedis<T>(
  io: Io,
  options: StoreOptions,
  work: (link: ClusterLink, addresses: StoreAddresses & { redisUrl: string }) => Promise<T>,
): Promise<T> {
  const found = findStores(io.environment, options.data);
  const { redisUrl } = found;
  if (redisUrl === null) throw unknownStore("REDIS_URL", options.data);
  const redis = connectRedis(redisUrl, "commands", createLog("silent"));
  let reason = `nothing heard for ${REDIS_MS / 1_000} s`;
  redis.on("error", (error: Error) => {
    reason = error.message || reason;
  });
  try {
    await untilReady(redis, AbortSignal.timeout(REDIS_MS));
    if (redis.status !== "ready") {
      throw new Failure(
        `Redis at ${hostsOf(redisUrl)} does not answer (${reason}): check that it runs and that REDIS_URL is right`,
      );
    }
    return await work({ redis, keys: createKeys(found.redisPrefix) }, { ...found, redisUrl });
  } finally {
    redis.disconnect();
  }
}

/** Without the password that the address may carry. */
function hostsOf(redisUrl: string): string {
  const { hosts } = parseRedisUrl(redisUrl);
  return hosts.map(({ host, port }) => `${host}:${port}`).join(",");
}

function unknownStore(name: string, data: string): Failure {
  return new Failure(
    `${name} is not set and no local cluster runs on "${data}": set ${name}, or start foyer local (--data DIR names its folder)`,
  );
}

/** Null where none runs: the file of one that was killed says nothing. */
function readLocalCluster(data: string): LocalCluster | null {
  if (data === "") return null;
  const path = join(data, "cluster.json");
  try {
    const cluster = JSON.parse(readFileSync(path, "utf8")) as LocalCluster;
    return isAlive(cluster.pid) ? cluster : null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new Failure(`${path} cannot be read (${message}): run this as the user that runs foyer local`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
