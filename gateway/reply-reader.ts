/** Reads this gateway's reply stream and hands each reply on; what was read is trimmed away. */
import { backoffMs, pause } from "../shared/backoff.ts";
import { decodeReplies, type Reply } from "../shared/envelope.ts";
import type { Logger } from "../shared/log.ts";
import { GATHER_MS, Pace } from "../shared/pace.ts";
import { BLOCK_MS, type RedisClient, untilReady } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";

interface ReplyReaderOptions {
  gateway: string;
  keys: Keys;
  log: Logger;
  /** For blocking reads; this reader's alone. */
  blocking: RedisClient;
  /** For trimming. */
  redis: RedisClient;
  onReply(reply: Reply): void;
  /** An entry cannot be read. */
  onUnreadable(): void;
  /** The stream is on another server now, or on one that was started anew: replies may be lost. */
  onReplaced(): void;
  signal: AbortSignal;
}

const MAX_ENTRIES_A_READ = 200;
const TRIM_EVERY_MS = 1_000;
/** Big answers would pile up in Redis within that time. */
const TRIM_EVERY_BYTES = 2 * 1024 * 1024;

/** Reads until `signal` aborts. */
export async function readReplies(options: ReplyReaderOptions): Promise<void> {
  const { keys, gateway, blocking, signal, log } = options;
  const key = keys.replyStream(gateway);
  const pace = new Pace(GATHER_MS);
  let last = "0-0";
  let trimmedAt = 0;
  let untrimmed = 0;
  let failures = 0;
  let run: string | null = null;
  let isKnown = false;
  blocking.on("close", () => {
    isKnown = false;
  });
  await untilReady(blocking, signal);
  while (!signal.aborted) {
    try {
      if (!isKnown) {
        isKnown = true;
        const now = runIdOf(await blocking.info("server"));
        if (run !== null && run !== now) options.onReplaced();
        run = now;
      }
      await pause(pace.dueInMs(), signal);
      const read = (await blocking.xreadBuffer(
        "COUNT",
        MAX_ENTRIES_A_READ,
        "BLOCK",
        BLOCK_MS,
        "STREAMS",
        key,
        last,
      )) as [Buffer, [Buffer, Buffer[]][]][] | null;
      failures = 0;
      if (read !== null) pace.turn();
      for (const [id, fields] of read?.[0]?.[1] ?? []) {
        last = id.toString();
        untrimmed += fields[1]!.length;
        handOn(options, fields[1]!);
      }
      const isDue = performance.now() - trimmedAt > TRIM_EVERY_MS || untrimmed > TRIM_EVERY_BYTES;
      if (read !== null && isDue) {
        trimmedAt = performance.now();
        untrimmed = 0;
        trim(options, key, last);
      }
    } catch (error) {
      // Behind a new link may be another server, whose ids start lower. A reply read twice is ignored.
      last = "0-0";
      isKnown = false;
      if (failures === 0 && !signal.aborted)
        log.warn({ reason: (error as Error).message }, "reading replies failed");
      await pause(backoffMs(failures++, 20, 500), signal);
      await untilReady(blocking, signal);
    }
  }
}

/** Which start of which server it is. */
function runIdOf(info: string): string {
  return /^run_id:(\w+)/m.exec(info)?.[1] ?? "";
}

function handOn({ gateway, log, onReply, onUnreadable }: ReplyReaderOptions, bytes: Buffer): void {
  let replies: Reply[];
  try {
    replies = decodeReplies(bytes);
  } catch (error) {
    onUnreadable();
    // Its cause may quote what was sent.
    log.error({ reason: (error as Error).message }, "unreadable reply");
    return;
  }
  for (const reply of replies) {
    try {
      onReply(reply);
    } catch (error) {
      // Thrown on, it would have all that was read come again, for ever.
      log.error({ error, commandId: `${gateway}.${reply.n}` }, "a reply could not be used");
    }
  }
}

function trim({ redis, log }: ReplyReaderOptions, key: string, last: string): void {
  redis.xtrim(key, "MINID", last).catch((error: Error) => {
    log.debug({ reason: error.message }, "trimming replies failed; the next time does it");
  });
}
