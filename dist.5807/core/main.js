/** Wires one worker; nothing else does. */
import { setMaxListeners } from "node:events";
import { pause } from "../shared/backoff.js";
import { createLog } from "../shared/log.js";
import { createRegistry } from "../shared/metrics.js";
import { announceReady, newNodeId, onStopSignals } from "../shared/node-process.js";
import { startOpsServer } from "../shared/ops-server.js";
import { connectRedis, connectToKey } from "../shared/redis/connect.js";
import { createKeys } from "../shared/redis/keys.js";
import { Subscriptions } from "../shared/redis/subscriptions.js";
import { readSettings } from "../shared/settings.js";
import { runBatch } from "./batch.js";
import { BigAnswers } from "./big-answer.js";
import { publishCanary } from "./canary.js";
import { moveToDeadLetters } from "./dead-letters.js";
import { readEntries } from "./entry-reader.js";
import { InFlight } from "./in-flight.js";
import { lead } from "./leader.js";
import { createCoreMetrics } from "./metrics.js";
import { createOutbox } from "./outbox.js";
import { watchRedisClock } from "./redis-clock.js";
import { ReplyWriter } from "./reply-writer.js";
import { connectDatabase, surviveLostLinks, workerLimits } from "./sql/database.js";
import { DatabaseLinks } from "./sql/database-links.js";
import { watchQueries } from "./sql/watch-queries.js";
import { isStreamChecked, prepareStream } from "./stream-check.js";
import { watchDatabase } from "./watch-database.js";
import { observeStreams } from "./watch-streams.js";
import { watchWorlds } from "./watch-worlds.js";
import { renewWorkerLease } from "./worker-lease.js";
import { createWorldCache } from "./world-cache.js";
/** Connections to Postgres of one worker. */
const POOL_SIZE = 16;
/** How long a stopping worker waits for its last answers to be written. */
const CLOSE_MS = 10_000;
/** Starts a worker; resolves when it reads commands. */
export async function startWorker(settings, options) {
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
    const bigAnswers = new BigAnswers({ redis, subscriptions, keys, writer, signal: stopping.signal });
    const services = { sql, redis, keys, settings, worlds, metrics, log, bigAnswers };
    const clock = watchRedisClock(redis, ended.signal);
    const runner = {
        services,
        writer,
        clock,
        outbox: createOutbox(services, writer),
        metrics,
        signal: stopping.signal,
    };
    const inFlight = new InFlight();
    const prepared = new Set();
    const database = watchDatabase({ url, links, log, signal: ended.signal });
    watchWorlds(subscriptions, keys, worlds);
    const readers = Array.from({ length: settings.FOYER_COMMAND_STREAMS }, (_, stream) => {
        const key = keys.commandStream(stream);
        const blocking = connectToKey(settings.REDIS_URL, "blocking", log, key);
        const reader = {
            stream,
            worker: id,
            keys,
            log,
            blocking,
            redis,
            isPrepared: () => isStreamChecked({ redis, keys }, stream),
            prepare: async (link) => {
                await clock.look();
                if (await prepareStream({ redis: link, sql, keys }, stream))
                    log.info({ stream }, "command stream prepared");
                prepared.add(stream);
            },
            run: async (entries) => {
                const commands = entries.reduce((sum, entry) => sum + entry.envelope.commands.length, 0);
                metrics.batchSize.observe(commands);
                await inFlight.track(commands, () => runBatch(runner, entries));
            },
            giveUp: async (entry) => {
                metrics.deadLetters.inc();
                log.error({ entry: entry.id, deliveries: entry.deliveries, reason: entry.error }, "dead letter");
                await moveToDeadLetters(redis, keys, entry);
            },
            room: () => inFlight.room(),
            onClaimed: (entries) => metrics.claimed.inc(entries),
            onLeft: (entries) => metrics.left.inc(entries),
            signal: stopping.signal,
        };
        return { blocking, done: readEntries(reader) };
    });
    const streams = settings.FOYER_COMMAND_STREAMS;
    const onLead = (leads) => metrics.leader.set(leads ? 1 : 0);
    const duties = [
        lead({ worker: id, redis, sql, keys, streams, log, onLead, signal: stopping.signal }),
        publishCanary(redis, keys, ended.signal),
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
        for (const link of [redis, ...readers.map((reader) => reader.blocking)])
            link.disconnect();
        subscriptions.close();
        log.info("worker stopped");
    };
    let stopped = null;
    const stop = () => {
        stopped ??= stopOnce();
        return stopped;
    };
    return { id, opsPort: ops.port, stop };
}
/** `foyer core`: runs a worker until it is told to stop. */
export async function runWorker(environment) {
    const settings = readSettings(environment, ["DATABASE_URL", "REDIS_URL"]);
    const log = createLog(settings.FOYER_LOG_LEVEL);
    surviveLostLinks(log);
    const worker = await startWorker(settings, { log });
    announceReady({ type: "ready", id: worker.id, role: "core", opsPort: worker.opsPort });
    await new Promise((resolve) => {
        onStopSignals(() => void worker.stop().then(resolve), () => process.exit(1));
    });
}
async function untilReady(reasons, signal) {
    while (reasons().length > 0 && !signal.aborted)
        await pause(50, signal);
}
//# sourceMappingURL=main.js.map