/**
 * Connections to Redis in its three shapes: one server, Sentinel, Cluster. Each node holds one connection per
 * purpose, because a blocking read or a subscription would hold up everything else on its connection.
 */
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import { backoffMs } from "../backoff.ts";
import type { Logger } from "../log.ts";
import { defineScripts } from "./lua.ts";

/** A client of any of the three shapes. */
export type RedisClient = Redis | Cluster;

/**
 * What a connection is for. `commands` fails at once while the link is down, so that the caller decides what is
 * sent again; `blocking` waits in reads; `subscriber` only listens.
 */
export type Purpose = "commands" | "blocking" | "subscriber";

/** A link on which nothing came back for so long is dead, whatever TCP says (half-open, stopped server). */
const SILENCE_MS = 3_000;

/** A subscriber asks for nothing by itself: only a ping shows that its link is dead. */
const PING_EVERY_MS = 1_000;

/** Longest pause before another attempt to connect: a store that is back is found soon. */
const MAX_RECONNECT_MS = 500;

/** Longest block of a read, well under `SILENCE_MS`. */
export const BLOCK_MS = 1_000;

/**
 * Opens a connection; it reconnects by itself for ever, with jittered backoff.
 *
 * @param url `redis://`, `rediss://`, `redis+sentinel://host:port,…/master`, `redis+cluster://host:port,…`
 */
export function connectRedis(url: string, purpose: Purpose, log: Logger): RedisClient {
  const client = open(url, optionsFor(purpose), purpose);
  defineScripts(client);
  let down = false;
  client.on("error", (error: Error) => {
    if (!down) log.warn({ purpose, reason: error.message }, "redis link down");
    down = true;
  });
  client.on("ready", () => {
    if (down) log.info({ purpose }, "redis link up");
    down = false;
  });
  // In a cluster `ping` would take another link; there the canary finds out.
  if (purpose === "subscriber" && client instanceof Redis) keepAsking(client);
  return client;
}

function keepAsking(client: Redis): void {
  const timer = setInterval(() => {
    // Unanswered, it has the link closed after `SILENCE_MS`.
    if (client.status === "ready") client.ping().catch(() => {});
  }, PING_EVERY_MS);
  timer.unref();
  client.once("end", () => clearInterval(timer));
}

/** Resolves once the link stands, or `signal` aborts; never rejects. */
export function untilReady(client: RedisClient, signal: AbortSignal): Promise<void> {
  if (client.status === "ready" || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      client.off("ready", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    client.once("ready", done);
    signal.addEventListener("abort", done, { once: true });
  });
}

function optionsFor(purpose: Purpose): RedisOptions {
  return {
    connectTimeout: 2_000,
    socketTimeout: SILENCE_MS,
    retryStrategy: (times) => backoffMs(times - 1, 50, MAX_RECONNECT_MS),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A failover leaves clients on a server that is a replica now: only a new connection finds the primary.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
    // A subscriber that came back tells the fan-out, which subscribes by itself and resyncs.
    autoResubscribe: false,
    connectionName: `foyer-${purpose}`,
  };
}

function open(url: string, options: RedisOptions, purpose: Purpose): RedisClient {
  const { protocol, username, password, hosts, path } = parseRedisUrl(url);
  const login = {
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
  };
  if (protocol === "redis+cluster:") {
    const cluster: ClusterOptions = {
      redisOptions: { ...options, ...login },
      enableOfflineQueue: false,
      clusterRetryStrategy: (times) => backoffMs(times - 1, 50, MAX_RECONNECT_MS),
      slotsRefreshInterval: 5_000,
      ...(purpose === "subscriber" ? { shardedSubscribers: true } : {}),
    };
    return new Cluster(hosts, cluster);
  }
  if (protocol === "redis+sentinel:") {
    return new Redis({ ...options, ...login, sentinels: hosts, name: path || "mymaster" });
  }
  const { host, port } = hosts[0]!;
  const tls = protocol === "rediss:" ? { tls: {} } : {};
  return new Redis({ ...options, ...login, ...tls, host, port, db: Number(path) || 0 });
}

/**
 * Takes a Redis URL apart; unlike `URL`, several hosts may stand in it, separated by commas.
 *
 * @throws Error when it is none
 */
export function parseRedisUrl(url: string) {
  const match =
    /^(rediss?:|redis\+sentinel:|redis\+cluster:)\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/]+)(?:\/(.*))?$/.exec(
      url,
    );
  if (match === null) throw new Error("REDIS_URL is no Redis URL");
  const [, protocol = "", username = "", password = "", list = "", path = ""] = match;
  const fallback = protocol === "redis+sentinel:" ? 26379 : 6379;
  const hosts = list.split(",").map((item) => {
    const [, host = "", port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(item) ?? [];
    if (host === "") throw new Error(`REDIS_URL: ${item} is no host:port`);
    return { host: host.replace(/^\[|\]$/g, ""), port: port === undefined ? fallback : Number(port) };
  });
  return {
    protocol,
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    hosts,
    path,
  };
}
