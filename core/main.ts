/** Wires one worker; nothing else does. */
import { setMaxListeners } from "node:events";
import { pause } from "../shared/backoff.ts";
import { startReports } from "../shared/command-reports.ts";
import { createLog, type Logger } from "../shared/log.ts";
import { createRegistry } from "../shared/metrics.ts";
import { announceReady, newNodeId, onStopSignals } from "../shared/node-process.ts";
import { startOpsServer } from "../shared/ops-server.ts";
import { connectRedis, connectToKey } from "../shared/redis/connect.ts";
import { createKeys } from "../shared/redis/keys.ts";
import { Subscriptions } from "../shared/redis/subscriptions.ts";
import { readSettings, type Settings } from "../shared/settings.ts";
import { AccountCache } from "./account-cache.ts";
import { runBatch } from "./batch.ts";
import { BigAnswers } from "./big-answer.ts";
import { publishCanary } from "./canary.ts";
import type { Services } from "./commands/context.ts";
import { moveToDeadLetters } from "./dead-letters.ts";
import { type EntryReaderOptions, readEntries } from "./entry-reader.ts";
import { InFlight } from "./in-flight.ts";
import { lead } from "./leader.ts";
import { createCoreMetrics } from "./metrics.ts";
import { createOutbox } from "./outbox.ts";
import { PlannerStatistics } from "./planner-statistics.ts";
import { watchRedisClock } from "./redis-clock.ts";
import { ReplyWriter } from "./reply-writer.ts";
import { SearchedWorlds } from "./searched-worlds.ts";
import { connectDatabase, surviveLostLinks, workerLimits } from "./sql/database.ts";
import { DatabaseLinks } from "./sql/database-links.ts";
import { watchQueries } from "./sql/watch-queries.ts";
import { isStreamChecked, prepareStream } from "./stream-check.ts";
import { watchDatabase } from "./watch-database.ts";
import { observeStreams } from "./watch-streams.ts";
import { watchWorlds } from "./watch-worlds.ts";
import { renewWorkerLease } from "./worker-lease.ts";
import { createWorldCache } from "./world-cache.ts";

/** Settings of a worker: the stores must be given. */
export type WorkerSettings = Settings & { readonly DATABASE_URL: string; readonly REDIS_URL: string };

/** A worker that runs. */
export interface RunningWorker {
  id: string;
  opsPort: number;
  /** Stops reading, finishes what is under way, leaves the group clean. */
  stop(): Promise<void>;
}

/** Connections to Postgres of one worker. */
const POOL_SIZE = 16;

/** How long a stopping worker waits for its last answers to be written. */
const CLOSE_MS = 10_000;

/** Starts a worker; resolves when it reads commands. */
export async function startWorker(
  settings: WorkerSettings,
  options: { log: Logger },
): Promise<RunningWorker> {
  const id = newNodeId();
  const log = options.log.child({ node: id, role: "core" });
  const keys = createKeys(settings.FOYER_REDIS_PREFIX);
  const registry = createRegistry("core");
  const metrics = createCoreMetrics(registry);
  const stopping = new AbortController();
  const ended = new AbortController();
  // Streams and duties listen, and each command that waits for a store.
  setMaxListeners(0, stopping.signal, ended.signal);

  const url = settings.DATABASE_URL;
  const links = new DatabaseLinks();
  const sql = connectDatabase(url, { max: POOL_SIZE, limits: workerLimits, links, log });
  const queries = watchQueries(sql, (seconds) => metrics.queryDuration.observe(seconds));
  metrics.watchPool(() => queries.waiting());
  const redis = connectRedis(settings.REDIS_URL, "commands", log);
  const subscriptions = new Subscriptions(settings.REDIS_URL, log);
  const worlds = createWorldCache(sql);
  const writer = new ReplyWriter(redis, keys, log);
  const bigAnswers = new BigAnswers({ redis, subscriptions, keys, writer, metrics, signal: stopping.signal });
  const searched = new SearchedWorlds({ sql, log, signal: ended.signal });
  const accounts = new AccountCache();
  const statistics = new PlannerStatistics({ sql, log });
  const services: Services = {
    sql,
    redis,
    keys,
    settings,
    worlds,
    metrics,
    log,
    bigAnswers,
    searched,
    accounts,
    statistics,
  };
  const clocks = Array.from({ length: settings.FOYER_COMMAND_STREAMS }, (_, stream) =>
    watchRedisClock(redis, keys.commandStream(stream), ended.signal),
  );
  const reports = await startReports({ settings, role: "core", node: id, log });
  const runner = {
    services,
    report: reports.report,
    writer,
    clocks,
    outbox: createOutbox(services, writer),
    metrics,
    signal: stopping.signal,
  };
  const inFlight = new InFlight();
  const prepared = new Set<number>();
  const database = watchDatabase({ url, links, log, signal: ended.signal });
  watchWorlds(subscriptions, keys, worlds, () => metrics.unreadable.inc({ kind: "world" }));

  const readers = Array.from({ length: settings.FOYER_COMMAND_STREAMS }, (_, stream) => {
    const key = keys.commandStream(stream);
    const blocking = connectToKey(settings.REDIS_URL, "blocking", log, key);
    const reader: EntryReaderOptions = {
      stream,
      worker: id,
      keys,
      log,
      blocking,
      redis,
      isPrepared: () => isStreamChecked({ redis, keys }, stream),
      prepare: async (link) => {
        await clocks[stream]!.look();
        if (await prepareStream({ redis: link, sql, keys }, stream))
          log.info({ stream }, "command stream prepared");
        prepared.add(stream);
      },
      run: async (entries) => {
        const commands = entries.reduce((sum, entry) => sum + entry.envelope.commands.length, 0);
        metrics.batchSize.observe(commands);
        await inFlight.track(commands, () => runBatch(runner, entries));
        statistics.ran(commands);
      },
      giveUp: async (entry) => {
        metrics.deadLetters.inc();
        log.error({ entry: entry.id, deliveries: entry.deliveries, reason: entry.error }, "dead letter");
        await moveToDeadLetters(redis, keys, entry);
      },
      room: () => inFlight.room(),
      onClaimed: (entries) => metrics.claimed.inc(entries),
      onLeft: (entries) => metrics.left.inc(entries),
      onUnreadable: () => metrics.unreadable.inc({ kind: "command" }),
      signal: stopping.signal,
    };
    return { blocking, done: readEntries(reader) };
  });
  const streams = settings.FOYER_COMMAND_STREAMS;
  const onLead = (leads: boolean) => metrics.leader.set(leads ? 1 : 0);
  const duties = [
    lead({ worker: id, redis, sql, keys, streams, log, onLead, signal: stopping.signal }),
    publishCanary(redis, keys, ended.signal),
    searched.follow(),
    observeStreams({ redis, keys, streams, metrics, signal: ended.signal }),
  ];

  const reasons = () => [
    ...(stopping.signal.aborted ? ["stopping"] : []),
    ...database.reasons(),
    ...(redis.status === "ready" ? [] : ["no Redis"]),
    ...(prepared.size === readers.length ? [] : ["command streams not ready"]),
  ];
  const ops = await startOpsServer({ port: settings.FOYER_OPS_PORT, registry, reasons });
  const lease = renewWorkerLease({ redis, keys, worker: id, opsPort: ops.port, signal: ended.signal });
  await untilReady(reasons, stopping.signal);
  log.info({ opsPort: ops.port }, "worker serves");

  const stopOnce = async () => {
    log.info("worker stops");
    stopping.abort();
    await Promise.all(readers.map((reader) => reader.done));
    await writer.close(CLOSE_MS);
    ended.abort();
    await Promise.all([...duties, lease]);
    await ops.close();
    await sql.end({ timeout: 5 });
    for (const link of [redis, ...readers.map((reader) => reader.blocking)]) link.disconnect();
    subscriptions.close();
    await reports.close();
    log.info("worker stopped");
  };
  let stopped: Promise<void> | null = null;
  const stop = () => {
    stopped ??= stopOnce();
    return stopped;
  };
  return { id, opsPort: ops.port, stop };
}

/** `foyer core`: runs a worker until it is told to stop. */
export async function runWorker(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const settings = readSettings(environment, ["DATABASE_URL", "REDIS_URL"]);
  const log = createLog(settings.FOYER_LOG_LEVEL);
  surviveLostLinks(log);
  const worker = await startWorker(settings, { log });
  announceReady({ type: "ready", id: worker.id, role: "core", opsPort: worker.opsPort });
  await new Promise<void>((resolve) => {
    onStopSignals(
      () => void worker.stop().then(resolve),
      () => process.exit(1),
    );
  });
}

async function untilReady(reasons: () => string[], signal: AbortSignal): Promise<void> {
  while (reasons().length > 0 && !signal.aborted) await pause(50, signal);
}
