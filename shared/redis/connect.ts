/**
 * Connections to Redis in its three shapes: one server, Sentinel, Cluster. Each node holds one connection per
 * purpose, because a blocking read or a subscription would hold up everything else on its connection.
 */
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { backoffMs, nextTurn } from "../backoff.ts";
import type { Logger } from "../log.ts";
import { ClusterMap, slotConnector } from "./cluster-map.ts";
import { defineScripts } from "./lua.ts";
import { slotOf } from "./slots.ts";

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

/** How long a link that is given up may take to close in order. */
const CLOSE_MS = 200;

/** Longest block of a read, well under `SILENCE_MS`. */
export const BLOCK_MS = 1_000;

/** A server that was asked where the slots of a Cluster are is asked again so often. */
const SLOTS_EVERY_MS = 2_000;

/**
 * Opens a connection for keys of any kind; it reconnects by itself for ever, with jittered backoff. On a Cluster it
 * is one to each server, and being ready says nothing of any single one: whoever must know when the server of a key
 * is another one takes `connectToKey`.
 *
 * @param url `redis://`, `rediss://`, `redis+sentinel://host:port,…/master`, `redis+cluster://host:port,…`
 */
export function connectRedis(url: string, purpose: Purpose, log: Logger): RedisClient {
  const parsed = parseRedisUrl(url);
  if (parsed.protocol !== "redis+cluster:") return watched(openServer(parsed, purpose), purpose, log);
  const cluster = new Cluster(parsed.hosts, {
    redisOptions: { ...optionsFor(purpose), ...parsed.login },
    enableOfflineQueue: false,
    clusterRetryStrategy: (times) => backoffMs(times - 1, 50, MAX_RECONNECT_MS),
    slotsRefreshInterval: SLOTS_EVERY_MS,
  });
  // Who took its slots over is asked for at once, not when the next command goes astray.
  cluster.on("-node", () => cluster.refreshSlotsCache());
  return watched(cluster, purpose, log);
}

/** Opens a connection to the server that holds a key: on a Cluster it follows the key, else there is only one. */
export function connectToKey(url: string, purpose: Purpose, log: Logger, key: string): Redis {
  const parsed = parseRedisUrl(url);
  return watched(
    parsed.protocol === "redis+cluster:"
      ? openSlot(mapOf(parsed), slotOf(key), optionsFor(purpose), parsed.login)
      : openServer(parsed, purpose),
    purpose,
    log,
  );
}

/** Whether a URL names a Cluster. */
export function isClusterUrl(url: string): boolean {
  return parseRedisUrl(url).protocol === "redis+cluster:";
}

/** The servers of a Cluster, and how links to one of them are opened. */
export function openClusterMap(url: string) {
  const parsed = parseRedisUrl(url);
  return {
    map: mapOf(parsed),
    connect: (host: string, port: number, log: Logger): Redis => {
      const options = { ...optionsFor("subscriber"), ...parsed.login, host, port };
      return watched(new Redis(options), "subscriber", log);
    },
  };
}

function keepAsking(client: Redis): void {
  client.on("ready", async () => {
    const closed = new AbortController();
    client.once("close", () => closed.abort());
    while (!closed.signal.aborted) {
      // Unanswered, it has the link closed after `SILENCE_MS`.
      client.ping().catch(() => {});
      await nextTurn(PING_EVERY_MS, closed.signal);
    }
  });
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

/**
 * Whether an error says that Redis, or the server that holds a key, cannot be reached or written to at the moment:
 * the clients' own words for a link that is down have no code, a Cluster's and a replica's are their first word.
 */
export function isRedisAway(error: unknown): boolean {
  const { name = "", message = "" } = (error ?? {}) as Partial<Error>;
  return (
    name === "MaxRetriesPerRequestError" ||
    name === "ClusterAllFailedError" ||
    /Connection is closed|isn't writeable|isn't ready|Socket timeout|Too many Cluster redirections/.test(
      message,
    ) ||
    /connection close|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|startup nodes is available/.test(message) ||
    /\b(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|MOVED|ASK|TRYAGAIN|UNBLOCKED|NOREPLICAS)\b/.test(message)
  );
}

function watched<T extends RedisClient>(client: T, purpose: Purpose, log: Logger): T {
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
  if (client instanceof Redis) keepOpen(client);
  if (client instanceof Redis && purpose === "subscriber") keepAsking(client);
  return client;
}

/**
 * Looking for a server that is told to stop looking ends a link for good, although its next look might find one:
 * such a link is opened again, unless it was closed by whoever holds it.
 */
function keepOpen(client: Redis): void {
  let isClosed = false;
  const disconnect = client.disconnect.bind(client);
  client.disconnect = (reconnect = false) => {
    if (!reconnect) isClosed = true;
    disconnect(reconnect);
  };
  client.on("end", () => {
    if (isClosed) return;
    setTimeout(
      () => {
        if (!isClosed && client.status === "end") client.connect().catch(() => {});
      },
      backoffMs(0, 100, 100),
    );
  });
}

function optionsFor(purpose: Purpose): RedisOptions {
  return {
    connectTimeout: 2_000,
    disconnectTimeout: CLOSE_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: (times) => backoffMs(times - 1, 50, MAX_RECONNECT_MS),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A failover leaves clients on a server that is a replica now: only a new connection finds the primary.
    reconnectOnError: ({ message }) => message.includes("READONLY"),
    // A subscriber that came back tells the fan-out, which subscribes by itself and resyncs.
    autoResubscribe: false,
    connectionName: `foyer-${purpose}`,
  };
}

function openServer(
  { protocol, hosts, path, login }: ReturnType<typeof parseRedisUrl>,
  purpose: Purpose,
): Redis {
  const options = { ...optionsFor(purpose), ...login };
  if (protocol === "redis+sentinel:") {
    return new Redis({
      ...options,
      sentinels: hosts,
      name: path || "mymaster",
      sentinelCommandTimeout: 1_000,
      sentinelRetryStrategy: (times) => backoffMs(times - 1, 50, 500),
    });
  }
  const { host, port } = hosts[0]!;
  const tls = protocol === "rediss:" ? { tls: {} } : {};
  return new Redis({ ...options, ...tls, host, port, db: Number(path) || 0 });
}

function openSlot(map: ClusterMap, slot: number, options: RedisOptions, login: RedisOptions): Redis {
  return new Redis({
    ...options,
    ...login,
    Connector: slotConnector(map, slot),
    reconnectOnError: ({ message }) => /READONLY|^MOVED|^ASK/.test(message),
  });
}

const maps = new Map<string, ClusterMap>();

/** One for all links of this process. */
function mapOf({ hosts, login }: ReturnType<typeof parseRedisUrl>): ClusterMap {
  const key = JSON.stringify([hosts, login]);
  const map = maps.get(key) ?? new ClusterMap(hosts, login);
  maps.set(key, map);
  return map;
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
  const login: RedisOptions = {
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
  return { protocol, login, hosts, path };
}
