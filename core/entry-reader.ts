/**
 * Reads one command stream: new entries as they come, and those of a worker that died or stalled. What it has
 * read and not finished is kept from other workers by renewing its idle time (docs/architecture.md). What is of a
 * newer version than this worker reads is left to another.
 */
import { backoffMs, nextTurn, pause } from "../shared/backoff.ts";
import { BrokenEnvelope, type CommandEnvelope, decodeCommands, NewerEnvelope } from "../shared/envelope.ts";
import type { Logger } from "../shared/log.ts";
import { GATHER_MS } from "../shared/pace.ts";
import { BLOCK_MS, type RedisClient, untilReady } from "../shared/redis/connect.ts";
import { COMMAND_GROUP, type Keys } from "../shared/redis/keys.ts";
import { timeWhere } from "./redis-clock.ts";

/** An entry that this worker has to run. */
export interface Entry {
  stream: number;
  id: string;
  envelope: CommandEnvelope;
  /** How often it was given to a worker, this time included. */
  deliveries: number;
  /** How many of its commands are not answered yet: whoever runs them counts down. */
  unanswered: number;
}

/** An entry that is run no more. */
export interface GivenUpEntry {
  stream: number;
  id: string;
  bytes: Buffer;
  deliveries: number;
  error: string;
}

/** What a reader needs. */
export interface EntryReaderOptions {
  stream: number;
  worker: string;
  keys: Keys;
  log: Logger;
  /** For blocking reads; this reader's alone. */
  blocking: RedisClient;
  /** For claiming. */
  redis: RedisClient;
  /** Makes the stream and its group ready over this link; asked again whenever Redis may have lost them. */
  prepare(link: RedisClient): Promise<void>;
  /** Whether that was done on the server that holds the stream now. */
  isPrepared(): Promise<boolean>;
  /** Runs entries; resolves when they are answered. */
  run(entries: Entry[]): Promise<void>;
  giveUp(entry: GivenUpEntry): Promise<void>;
  /** Resolves when there is room for more commands. */
  room(): Promise<void>;
  onClaimed(entries: number): void;
  /** Left to a newer worker. */
  onLeft(entries: number): void;
  /** An entry cannot be read, by this worker or ever. */
  onUnreadable(): void;
  signal: AbortSignal;
}

/**
 * A worker that has not renewed an entry for so long is dead or stalled. Where it is merely slow nothing is lost:
 * its commands run twice and take effect once.
 */
export const CLAIM_IDLE_MS = 1_500;
/** How often entries are looked for that others left, and one's own are renewed. */
const CLAIM_EVERY_MS = 400;
const RENEW_EVERY_MS = 400;
/** The same of a worker that has read nothing for so long: others have hardly read anything either. */
const IDLE_EVERY_MS = 1_000;
const IDLE_AFTER_MS = 5_000;
const MAX_DELIVERIES = 5;

/** How long an entry that only a newer worker reads waits for one: nobody waits for its answer any more. */
const MAX_LEFT_MS = 60_000;

const MAX_ENTRIES_A_READ = 100;

/**
 * An idle worker reads at once, and a busy one every `GATHER_MS` at the most; while batches run the next one gathers,
 * but no longer than this: one of their commands may wait for seconds.
 */
const MAX_GATHER_MS = 12;

/**
 * With so many unanswered it is no single one that waits, but the worker that is behind: what it read now would wait
 * within it, in a small batch of its own, instead of becoming part of a large one.
 */
const MANY = 8;
const MAX_GATHER_BEHIND_MS = 100;

type RawEntry = [id: Buffer, fields: Buffer[] | null];

/** Reads until `signal` aborts; then resolves when all that was read is run. */
export async function readEntries(options: EntryReaderOptions): Promise<void> {
  const underWay = new Map<string, Entry>();
  const running = new Set<Promise<void>>();
  let startedAt = Number.NEGATIVE_INFINITY;
  const start = (raw: readonly RawEntry[], deliveries: ReadonlyMap<string, number>) => {
    const newer: LeftEntry[] = [];
    const entries = raw.flatMap((item) => open(options, item, deliveries, newer) ?? []);
    if (newer.length > 0) {
      leave(options, newer).catch((error: Error) => {
        // It stays pending, and whoever claims it next is asked again.
        options.log.debug({ stream: options.stream, reason: error.message }, "leaving entries failed");
      });
    }
    if (entries.length === 0) return;
    startedAt = performance.now();
    for (const entry of entries) underWay.set(entry.id, entry);
    const run = options.run(entries).finally(() => {
      for (const { id } of entries) underWay.delete(id);
      running.delete(run);
    });
    running.add(run);
  };
  const isBehind = () => {
    let unanswered = 0;
    for (const entry of underWay.values()) unanswered += entry.unanswered;
    return unanswered >= MANY;
  };
  const gather = async (readAt: number) => {
    const since = () => performance.now() - readAt;
    await pause(GATHER_MS - since(), options.signal);
    while (running.size > 0 && !options.signal.aborted) {
      const left = (isBehind() ? MAX_GATHER_BEHIND_MS : MAX_GATHER_MS) - since();
      if (left <= 0) return;
      await Promise.race([Promise.all(running), pause(Math.min(left, MAX_GATHER_MS), options.signal)]);
    }
  };
  const isIdle = () => underWay.size === 0 && performance.now() - startedAt > IDLE_AFTER_MS;
  await Promise.all([
    readNew(options, start, gather),
    repeat(options, CLAIM_EVERY_MS, isIdle, async () => {
      // Slots move, and servers change their parts, without a link being lost.
      if (!(await options.isPrepared())) await options.prepare(options.redis);
      await claim(options, underWay, start);
    }),
    // By itself: claiming waits for room, and what is under way meanwhile must not look abandoned.
    repeat(options, RENEW_EVERY_MS, isIdle, () => renew(options, [...underWay.keys()])),
  ]);
  await Promise.all(running);
}

type Start = (raw: readonly RawEntry[], deliveries: ReadonlyMap<string, number>) => void;

async function readNew(
  options: EntryReaderOptions,
  start: Start,
  gather: (readAt: number) => Promise<void>,
): Promise<void> {
  const { blocking, keys, stream, worker, signal, log } = options;
  const key = keys.commandStream(stream);
  const onceEach = new Map<string, number>();
  let readAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let prepared = false;
  // A link that was down may lead to another server now, or to the same one emptied.
  blocking.on("close", () => {
    prepared = false;
  });
  await untilReady(blocking, signal);
  while (!signal.aborted) {
    try {
      await options.room();
      await gather(readAt);
      if (!prepared) {
        await options.prepare(blocking);
        prepared = true;
      }
      const read = (await blocking.xreadgroupBuffer(
        "GROUP",
        COMMAND_GROUP,
        worker,
        "COUNT",
        MAX_ENTRIES_A_READ,
        "BLOCK",
        BLOCK_MS,
        "STREAMS",
        key,
        ">",
      )) as [Buffer, RawEntry[]][] | null;
      failures = 0;
      if (read === null) continue;
      readAt = performance.now();
      start(read[0]![1], onceEach);
    } catch (error) {
      prepared = false;
      if (failures === 0) log.warn({ stream, reason: (error as Error).message }, "reading commands failed");
      await pause(backoffMs(failures++, 50, 1_000), signal);
      // Pauses that grow while there is no link would last beyond its return.
      await untilReady(blocking, signal);
    }
  }
}

/** Does it again and again until the reader stops, less often while it is idle; what fails is tried the next time. */
async function repeat(
  { signal, log, stream }: EntryReaderOptions,
  everyMs: number,
  isIdle: () => boolean,
  act: () => Promise<void>,
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    await (isIdle() ? nextTurn(IDLE_EVERY_MS, signal) : pause(everyMs * (0.75 + Math.random() / 2), signal));
    if (signal.aborted) return;
    try {
      await act();
      failures = 0;
    } catch (error) {
      // The reading loop says so too, and prepares the stream.
      if (failures++ === 0) log.debug({ stream, reason: (error as Error).message }, "claiming failed");
    }
  }
}

/** Claiming what is one's own sets its idle time to zero, without counting a delivery. */
async function renew({ redis, keys, stream, worker }: EntryReaderOptions, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  const key = keys.commandStream(stream);
  await redis.call("xclaim", key, COMMAND_GROUP, worker, "0", ...ids, "JUSTID");
}

async function claim(
  options: EntryReaderOptions,
  underWay: ReadonlyMap<string, Entry>,
  start: Start,
): Promise<void> {
  const { redis, keys, stream, worker, onClaimed } = options;
  const key = keys.commandStream(stream);
  let cursor = "0-0";
  do {
    await options.room();
    const [next, raw] = (await redis.callBuffer(
      "xautoclaim",
      key,
      COMMAND_GROUP,
      worker,
      CLAIM_IDLE_MS,
      cursor,
      "COUNT",
      MAX_ENTRIES_A_READ,
    )) as [Buffer, RawEntry[]];
    cursor = next.toString();
    // This process was stopped for a while and nobody took them: they are under way here still.
    const claimed = raw.filter(([id]) => !underWay.has(id.toString()));
    if (claimed.length === 0) continue;
    onClaimed(claimed.length);
    const first = claimed[0]![0].toString();
    const last = claimed.at(-1)![0].toString();
    const pending = (await redis.xpending(key, COMMAND_GROUP, first, last, 1_000, worker)) as [
      string,
      string,
      number,
      number,
    ][];
    start(claimed, new Map(pending.map(([id, , , deliveries]) => [id, deliveries])));
  } while (cursor !== "0-0" && !options.signal.aborted);
}

/** An entry of a newer version than this worker reads. */
type LeftEntry = Omit<GivenUpEntry, "stream">;

/**
 * Has newer workers claim entries at their next look: they count as idle long enough, and as not delivered to this
 * worker, however often it meets them. Only what nobody came for is given up.
 */
async function leave(options: EntryReaderOptions, entries: readonly LeftEntry[]): Promise<void> {
  const { redis, keys, stream, worker, log, onLeft } = options;
  const key = keys.commandStream(stream);
  const oldest = (await timeWhere(redis, key)) - MAX_LEFT_MS;
  let left = 0;
  for (const { id, bytes, deliveries, error } of entries) {
    if (Number.parseInt(id, 10) < oldest) {
      await options.giveUp({ stream, id, bytes, deliveries, error });
      continue;
    }
    left++;
    const how = ["IDLE", CLAIM_IDLE_MS, "RETRYCOUNT", deliveries - 1, "JUSTID"];
    await redis.call("xclaim", key, COMMAND_GROUP, worker, "0", id, ...how);
  }
  if (left === 0) return;
  onLeft(left);
  log.warn({ stream, entries: left, reason: entries[0]!.error }, "entries left to a newer worker");
}

/** Decodes an entry; undefined when it is not to be run here. One of a newer version goes to `newer`. */
function open(
  options: EntryReaderOptions,
  [rawId, fields]: RawEntry,
  deliveries: ReadonlyMap<string, number>,
  newer: LeftEntry[],
): Entry | undefined {
  const { stream, log } = options;
  const id = rawId.toString();
  const count = deliveries.get(id) ?? 1;
  const bytes = fields?.[1] ?? Buffer.alloc(0);
  const giveUp = (error: string) => {
    options.giveUp({ stream, id, bytes, deliveries: count, error }).catch((reason: Error) => {
      // It stays pending, and is given up when it is claimed the next time.
      log.warn({ stream, entry: id, reason: reason.message }, "dead letter not written");
    });
  };
  try {
    const envelope = decodeCommands(bytes);
    if (count <= MAX_DELIVERIES) {
      return { stream, id, envelope, deliveries: count, unanswered: envelope.commands.length };
    }
    giveUp(`delivered ${count} times`);
  } catch (error) {
    if (error instanceof NewerEnvelope) {
      newer.push({ id, bytes, deliveries: count, error: error.message });
    } else {
      options.onUnreadable();
      giveUp(error instanceof BrokenEnvelope ? error.message : "cannot be read");
    }
  }
  return undefined;
}
