/** Wires one gateway; nothing else does. */
import { setMaxListeners } from "node:events";
import { nextTurn, pause } from "../shared/backoff.ts";
import { collectAll } from "../shared/collect-garbage.ts";
import { startReports } from "../shared/command-reports.ts";
import { createLog, type Logger } from "../shared/log.ts";
import { createRegistry } from "../shared/metrics.ts";
import { announceReady, newNodeId, onStopSignals } from "../shared/node-process.ts";
import { startOpsServer } from "../shared/ops-server.ts";
import { connectRedis, connectToKey } from "../shared/redis/connect.ts";
import { createKeys } from "../shared/redis/keys.ts";
import { Subscriptions } from "../shared/redis/subscriptions.ts";
import { publish } from "../shared/redis/together.ts";
import { readSettings, type Settings } from "../shared/settings.ts";
import { type Admitted, createAdmission } from "./admission.ts";
import { BigAnswers } from "./big-answer.ts";
import { listenForCanary } from "./canary.ts";
import { compileNetworks } from "./client-address.ts";
import { createClientCommands } from "./client-commands.ts";
import { CommandWriter } from "./command-writer.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHost } from "./connection-host.ts";
import { Connections } from "./connections.ts";
import { drain } from "./drain.ts";
import { FanOut } from "./fan-out.ts";
import { Fences } from "./fence.ts";
import { createHttp } from "./http.ts";
import { IdleCollection } from "./idle-collection.ts";
import { holdLease } from "./lease.ts";
import { Lingering } from "./lingering.ts";
import { Load } from "./load.ts";
import { createGatewayMetrics } from "./metrics.ts";
import { listenForOrders } from "./orders.ts";
import { createAsk } from "./own-commands.ts";
import { PendingCommands } from "./pending-commands.ts";
import { notReadyReasons } from "./readiness.ts";
import { Registry } from "./registry.ts";
import { readReplies } from "./reply-reader.ts";
import { createResync } from "./resync.ts";
import { SharedTexts } from "./shared-texts.ts";
import { createSocial } from "./social.ts";
import { type Link, type LinkEvents, startPublicServer } from "./uws.ts";
import { followWorkers } from "./worker-versions.ts";
import { WorldUpdates } from "./world-updates.ts";
import { Worlds } from "./worlds.ts";

/** Settings of a gateway: Redis must be given. */
export type GatewaySettings = Settings & { readonly REDIS_URL: string };

/** A gateway that runs. */
export interface RunningGateway {
  id: string;
  port: number;
  opsPort: number;
  /** Drains, then ends. */
  stop(): Promise<void>;
  /** Shortens the drain: closes what is left at once. */
  hasten(): void;
}

/**
 * How often timeouts are looked for; without any connection there are none. Not so seldom that the first look at a
 * command, which finds it waiting, takes it for overload (`load.ts`).
 */
const SWEEP_EVERY_MS = 100;
const IDLE_SWEEP_EVERY_MS = 250;

/** Starts a gateway; resolves when it serves. */
async function startGateway(settings: GatewaySettings, options: { log: Logger }): Promise<RunningGateway> {
  const id = newNodeId();
  const log = options.log.child({ node: id, role: "gateway" });
  const keys = createKeys(settings.FOYER_REDIS_PREFIX);
  const register = createRegistry("gateway");
  const metrics = createGatewayMetrics(register);
  const ended = new AbortController();
  const { signal } = ended;
  // As many wait for it as there are streams and duties.
  setMaxListeners(0, signal);
  const hasten = new AbortController();
  let isDraining = false;

  const redis = connectRedis(settings.REDIS_URL, "commands", log);
  const blocking = connectToKey(settings.REDIS_URL, "blocking", log, keys.replyStream(id));
  const subscriptions = new Subscriptions(settings.REDIS_URL, log);
  /** The link to the server that holds a key: what hangs on that server has to know when it is another. */
  const linkTo = (key: string) =>
    redis.isCluster ? connectToKey(settings.REDIS_URL, "commands", log, key) : redis;

  const streams = settings.FOYER_COMMAND_STREAMS;
  const streamLinks = Array.from({ length: streams }, (_, stream) => linkTo(keys.commandStream(stream)));
  // The lease and the fences are on one server.
  const leaseLink = linkTo(keys.leases("gateway"));
  const timeoutMs = settings.FOYER_COMMAND_TIMEOUT_MS;
  const { report, close: closeReports } = await startReports({ settings, role: "gateway", node: id, log });
  const pending = new PendingCommands();
  const load = new Load(timeoutMs, performance.now());
  const idleCollection = new IdleCollection(performance.now(), collectAll);
  /** Requests that wait in their connections, not written yet. */
  let queued = 0;
  const maxBacklog = settings.FOYER_MAX_BACKLOG;
  const mayPass = () => lease.isHeld();
  const writer = new CommandWriter({
    links: streamLinks,
    keys,
    gateway: id,
    maxBacklog,
    pending,
    mayPass,
    version: followWorkers(redis, keys, signal),
    log,
    signal,
  });
  const ask = createAsk({ pending, writer, streams, timeoutMs });
  const texts = new SharedTexts(redis, keys);
  const worlds = new Worlds(ask);
  const connections = new Connections();
  const registry = new Registry(redis, keys, id);
  const loggedIn = () => connections.all().filter(({ user }) => user !== null);
  registry.restoreAfterLoss(loggedIn, signal);
  const canary = listenForCanary({ subscriptions, keys, metrics, log, signal });
  const worldUpdates = new WorldUpdates({ ask, fanOut: () => fanOut, texts, worlds, log, signal });
  const resync = createResync({ ask, fanOut: () => fanOut, metrics, log, signal });
  const fanOut = new FanOut({
    gateway: id,
    keys,
    log,
    metrics,
    registry,
    subscriptions,
    resync,
    accessChanged: (world, user) => worldUpdates.userChanged(world, user),
  });
  const fences = new Fences({
    redis: leaseLink,
    keys,
    gateway: id,
    subscriptions,
    fanOut,
    pending,
    ask,
    timeoutMs,
    metrics,
    log,
  });
  /** With frames that may not pass yet. */
  const holding = new Set<Connection>();
  const release = () => {
    for (const connection of holding) if (connection.release()) holding.delete(connection);
  };
  const bigAnswers = new BigAnswers((run, parts) => {
    // One that was not heard is said again.
    publish(redis, keys.answerChannel(run), String(parts)).catch(() => {});
  });
  listenForOrders({ subscriptions, keys, gateway: id, connections, worldUpdates, metrics, log, signal });

  const replies = readReplies({
    gateway: id,
    keys,
    log,
    blocking,
    redis,
    signal,
    onUnreadable: () => metrics.unreadable.inc({ kind: "reply" }),
    onReplaced: () => {
      // Else it held the streams too, and the writer has noticed by itself.
      if (redis.isCluster) writer.writeAgain();
    },
    onReply: (reply) => {
      const late = pending.answer(reply);
      if (late === undefined || reply.effect?.kind !== "login") return;
      // A login that was given up has succeeded: unless it was tried again since, nobody is there for it.
      const connection = connections.get(late.connection);
      if (connection?.user !== reply.effect.user)
        registry.leave(late.world, reply.effect.user, late.connection);
    },
  });

  const host: ConnectionHost = {
    limits: {
      maxQueue: settings.FOYER_MAX_QUEUE,
      maxMessageBytes: settings.FOYER_MAX_MESSAGE_BYTES,
      maxSendBufferBytes: settings.FOYER_MAX_SEND_BUFFER_BYTES,
      rate: settings.FOYER_RATE,
      rateBurst: settings.FOYER_RATE_BURST,
      commandTimeoutMs: timeoutMs,
    },
    metrics,
    bigAnswers,
    lingering: new Lingering(),
    admits: (asker) => load.admits(asker, queued + pending.size),
    waits(requests) {
      queued += requests;
    },
    run: createClientCommands({ gateway: id, streams, timeoutMs, pending, writer, texts, log, report }),
    abandon: (command) => pending.abandon(command),
    mayPass: (own) => lease.isHeld() || (own && lease.isCutOff()),
    holds: (connection) => holding.add(connection),
    mayLogIn(connection, user, version, sentAt) {
      if (fences.refuses(connection.world, user, version)) return "fenced";
      return lease.isHeld() && lease.heldSince() <= sentAt ? "yes" : "again";
    },
    loggedIn(connection, request) {
      connections.loggedIn(connection);
      if (connection.isClosed) return;
      fanOut.join(connection);
      worldUpdates.loggedIn(connection.world, connection.user!, request.readAt);
    },
    loggedInTooLate: (connection, user) => registry.leave(connection.world, user, connection.number),
    changed: (connection, version) => fanOut.ownChange(connection, version),
    closed(connection) {
      connections.remove(connection);
      holding.delete(connection);
      connections.release(connection.address);
      if (connection.user === null) return;
      fanOut.leave(connection);
      registry.leave(connection.world, connection.user, connection.number);
    },
    failed: (connection, error) => log.error({ connection: connection.number, error }, "connection failed"),
  };
  const open = (link: Link, { world, exists, address }: Admitted): LinkEvents => {
    const connection = new Connection(connections.nextNumber(), world ?? "", address, link, host);
    connections.add(connection);
    metrics.connectionsOpened.inc();
    const decide = (does: boolean) => (does ? connection.begin() : connection.refuseWorld());
    if (exists instanceof Promise) void exists.then(decide);
    else decide(exists);
    return connection;
  };

  const isFull = () =>
    settings.FOYER_MAX_CONNECTIONS > 0 && connections.admitted >= settings.FOYER_MAX_CONNECTIONS;
  const redisGaps = () => [
    ...(redis.status === "ready" ? [] : ["no link"]),
    ...(leaseLink.status === "ready" ? [] : ["no link to the leases"]),
    ...writer.notReady().map((stream) => `command stream ${stream} is not ready`),
    ...(blocking.status === "ready" ? [] : ["no link to the replies"]),
    ...(subscriptions.isConnected() ? [] : ["no link for broadcasts"]),
  ];
  const reasons = () =>
    notReadyReasons({
      isDraining,
      isCanarySilent: canary.isSilent(),
      isFull: isFull(),
      isLeaseHeld: lease.isHeld(),
      redisGaps: redisGaps(),
    });
  metrics.watch({
    connections: () => connections.counts(),
    connectionsLimit: () => settings.FOYER_MAX_CONNECTIONS,
    inflightCommands: () => pending.size,
    canaryAgeSeconds: () => canary.ageSeconds(),
    isOverloaded: () => load.isOverloaded,
    isPubsubConnected: () => subscriptions.isConnected(),
    isDraining: () => isDraining,
  });

  const info = () => ({ connections: connections.size, draining: isDraining, opsPort: ops.port, startedAt });
  const startedAt = Date.now();
  const ops = await startOpsServer({ port: settings.FOYER_OPS_PORT, registry: register, reasons });
  const lease = holdLease({
    redis: leaseLink,
    keys,
    gateway: id,
    info,
    log,
    onRenewed: () => fences.read(),
    onBegun: async () => {
      await registry.restore(loggedIn());
      await fences.beginAnew();
      writer.writeAgain();
    },
    onHeld: () => {
      writer.resume();
      release();
    },
  });
  const admit = createAdmission({
    connections,
    worlds,
    metrics,
    log,
    trusted: compileNetworks(settings.FOYER_TRUSTED_PROXIES),
    origins: settings.FOYER_ORIGINS,
    maxConnections: settings.FOYER_MAX_CONNECTIONS,
    maxConnectionsPerAddress: settings.FOYER_MAX_CONNECTIONS_PER_IP,
    isDraining: () => isDraining,
  });
  const server = await startPublicServer<Admitted>({
    port: settings.FOYER_PORT,
    maxMessageBytes: settings.FOYER_MAX_MESSAGE_BYTES,
    idleTimeoutS: settings.FOYER_IDLE_TIMEOUT_S,
    admit,
    abandoned: ({ address }) => connections.release(address),
    open,
    http: createHttp(reasons, register, createSocial(ask, log)),
  });
  const sweep = async () => {
    for (
      ;
      !signal.aborted;
      await nextTurn(connections.size > 0 ? SWEEP_EVERY_MS : IDLE_SWEEP_EVERY_MS, signal)
    ) {
      const now = performance.now();
      pending.sweep(now);
      load.tick(now, { waiting: queued + pending.size, answered: pending.answered });
      idleCollection.tick(now, pending.answered);
      if (holding.size > 0) release();
      bigAnswers.sweep(now);
      if (settings.FOYER_AUTH_TIMEOUT_MS > 0) connections.closeLoitering(now, settings.FOYER_AUTH_TIMEOUT_MS);
    }
  };
  void sweep();
  while (reasons().length > 0) await pause(20, signal);
  log.info({ port: server.port, opsPort: ops.port }, "gateway serves");

  const stopOnce = async () => {
    log.info({ connections: connections.size }, "gateway drains");
    isDraining = true;
    void lease.renew();
    const drainMs = settings.FOYER_DRAIN_SECONDS * 1000;
    await drain({ connections, drainMs, commandTimeoutMs: timeoutMs, hasten: hasten.signal });
    server.close();
    ended.abort();
    await replies;
    await lease.release();
    await redis.hdel(keys.fencesConfirmed(), id).catch(() => {
      // The leader does it.
    });
    await redis.del(keys.replyStream(id)).catch(() => {
      // It expires by itself.
    });
    await ops.close();
    for (const link of new Set([redis, leaseLink, ...streamLinks, blocking])) link.disconnect();
    subscriptions.close();
    await closeReports();
    log.info("gateway stopped");
  };
  let stopped: Promise<void> | null = null;
  return {
    id,
    port: server.port,
    opsPort: ops.port,
    stop: () => {
      stopped ??= stopOnce();
      return stopped;
    },
    hasten: () => hasten.abort(),
  };
}

/** `foyer gateway`: runs a gateway until it is told to stop. */
export async function runGateway(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const settings = readSettings(environment, ["REDIS_URL"]);
  const gateway = await startGateway(settings, { log: createLog(settings.FOYER_LOG_LEVEL) });
  const { id, port, opsPort } = gateway;
  announceReady({ type: "ready", id, role: "gateway", port, opsPort });
  await new Promise<void>((resolve) => {
    onStopSignals(
      () => void gateway.stop().then(resolve),
      () => gateway.hasten(),
    );
  });
}
