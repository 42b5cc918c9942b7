/**
 * Everything that a worker writes to Redis for its commands: broadcasts, answers, and then, once those are
 * written, the acknowledgement (docs/architecture.md). What gathers while one write is under way goes out with the next;
 * acknowledgements wait a moment for one, since a write of their own would cost as much as it does.
 */
import { backoffMs, pause } from "../shared/backoff.ts";
import { encodePart, encodeReplies, type Recipient, type Reply, type ReplyPart } from "../shared/envelope.ts";
import type { Logger } from "../shared/log.ts";
import { Pace } from "../shared/pace.ts";
import type { RedisClient } from "../shared/redis/connect.ts";
import { COMMAND_GROUP, type Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";
import { publish, type Send, sendTogether } from "../shared/redis/together.ts";
import type { SharedText } from "./world.ts";

/** An entry all of whose commands are answered. */
export interface FinishedEntry {
  stream: number;
  id: string;
  /** Commands in it, for the backlog. */
  commands: number;
}

/** A gateway that reads no more has its stream cut here, and removed when its lease has run out. */
const MAX_STREAM_ENTRIES = 50_000;

/** Replies of one entry, in characters of their frames, at the most. */
const MAX_ENTRY_CHARACTERS = 256 * 1024;

/**
 * How long acknowledgements wait for answers to go out with, where these come that often. An entry is claimed by others
 * long after that.
 */
const FINISH_WAIT_MS = 60;

const STREAM_EXPIRY_MS = 60 * 60 * 1_000;
const TEXT_EXPIRY_S = 60 * 60;
const RENEW_MS = 10 * 60 * 1_000;

/** One write's worth. */
class Outgoing {
  readonly texts = new Map<string, string>();
  readonly messages: [channel: string, message: Buffer | string][] = [];
  readonly replies = new Map<string, { reads: number; list: Reply[] }>();
  readonly finished: FinishedEntry[] = [];
}

/** Takes what commands have to say; see the file's head. */
export class ReplyWriter {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  /** When a key was last given its expiry, by this process' clock. */
  readonly #renewed = new Map<string, number>();
  #next = new Outgoing();
  /** Entries whose answers are written, to be acknowledged. */
  #answered: FinishedEntry[] = [];
  #finishing: NodeJS.Timeout | null = null;
  readonly #pace = new Pace(FINISH_WAIT_MS);
  #writing: Promise<void> | null = null;

  constructor(redis: RedisClient, keys: Keys, log: Logger) {
    this.#redis = redis;
    this.#keys = keys;
    this.#log = log;
    // A Redis that came back may have come back empty: nothing of what was set can be counted on.
    redis.on("ready", () => this.#renewed.clear());
    // Nor of what a Cluster's lost server had: the one that takes its place may not have got all of it.
    redis.on("-node", () => this.#renewed.clear());
  }

  /** Has a text written before any answer that refers to it, unless Redis has it. */
  share({ hash, text }: SharedText): void {
    this.#next.texts.set(hash, text);
  }

  /** Publishes a message before the answers of the same command are written. */
  publish(channel: string, message: Buffer | string): void {
    this.#next.messages.push([channel, message]);
    this.#schedule();
  }

  reply({ gateway, reads }: Recipient, reply: Reply): void {
    const replies = this.#next.replies.get(gateway);
    if (replies === undefined) this.#next.replies.set(gateway, { reads, list: [reply] });
    else replies.list.push(reply);
    this.#schedule();
  }

  /**
   * Writes a part of the answer to the gateway's command `n` by itself, once.
   *
   * @throws Error when Redis is away: then it may be written, or not
   */
  async writePart({ gateway, reads }: Recipient, n: number, part: ReplyPart): Promise<void> {
    const stream = this.#keys.replyStream(gateway);
    const bytes = encodePart(n, part, reads);
    await this.#redis.xadd(stream, "MAXLEN", "~", MAX_STREAM_ENTRIES, "*", "e", bytes);
  }

  /** Acknowledges an entry, after all that was given before. */
  finish(entry: FinishedEntry): void {
    this.#next.finished.push(entry);
    this.#schedule();
  }

  /** Waits until all is written, or `deadlineMs` have passed. */
  async close(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), deadlineMs);
    await this.#writing;
    if (this.#answered.length > 0) this.#schedule();
    await this.#writing;
    clearTimeout(timer);
    this.#stop.abort();
  }

  #schedule(): void {
    this.#writing ??= new Promise((resolve) => {
      // At the end of this turn of the event loop, so that a batch's answers go together.
      setImmediate(() => {
        this.#writeAll().then(resolve, (error: Error) => {
          this.#log.error({ error }, "writing replies failed");
          resolve();
        });
      });
    });
  }

  async #writeAll(): Promise<void> {
    if (this.#finishing !== null) clearTimeout(this.#finishing);
    this.#finishing = null;
    const isBusy = this.#pace.dueInMs() > 0;
    this.#pace.turn();
    do {
      const outgoing = this.#next;
      this.#next = new Outgoing();
      const answered = this.#answered;
      this.#answered = [];
      await this.#writeUntilDone(() => this.#write(outgoing, answered));
      this.#answered.push(...outgoing.finished);
    } while (hasContent(this.#next));
    this.#writing = null;
    if (this.#answered.length === 0) return;
    if (isBusy) this.#finishing = setTimeout(() => this.#schedule(), FINISH_WAIT_MS);
    else this.#schedule();
  }

  /** Tries until it is written: an answer that was written twice is ignored, one that was lost is not. */
  async #writeUntilDone(write: () => Promise<void>): Promise<void> {
    for (let attempt = 0; !this.#stop.signal.aborted; attempt++) {
      try {
        return await write();
      } catch (error) {
        if (attempt === 0) this.#log.warn({ reason: (error as Error).message }, "replies wait for redis");
        await pause(backoffMs(attempt, 20, 500), this.#stop.signal);
      }
    }
  }

  /** @param answered entries of earlier answers */
  async #write({ texts, messages, replies }: Outgoing, answered: readonly FinishedEntry[]): Promise<void> {
    // What was written lately is there as a rule; Redis may have been emptied since, without a link being lost.
    const known = [...texts].filter(([hash]) => this.#isRecent(hash));
    const fresh = [...texts].filter(([hash]) => !this.#isRecent(hash));
    const first = [
      ...known.map(([hash]) => this.#renewText(hash)),
      ...fresh.map((text) => this.#setText(text)),
      ...this.#acknowledge(answered),
      ...messages.map(
        ([channel, message]): Send =>
          (to) =>
            publish(to, channel, message),
      ),
    ];
    if (first.length + replies.size === 0) return;
    const streams: string[] = [];
    const then: Send[] = [];
    for (const [gateway, { reads, list }] of replies) {
      const stream = this.#keys.replyStream(gateway);
      for (const chunk of chunks(list)) {
        const bytes = encodeReplies(chunk, reads);
        then.push((to) => to.xadd(stream, "MAXLEN", "~", MAX_STREAM_ENTRIES, "*", "e", bytes));
      }
      if (!this.#isRecent(stream)) {
        then.push((to) => to.pexpire(stream, STREAM_EXPIRY_MS));
        streams.push(stream);
      }
    }
    const results = await this.#sendInOrder(first, then);
    // Gateways look for a while before they take a text for gone.
    const gone = known.filter((_, i) => results[i] === 0).map((text) => this.#setText(text));
    if (gone.length > 0) await sendTogether(this.#redis, gone);
    for (const key of [...texts.keys(), ...streams]) this.#remember(key);
  }

  #setText([hash, text]: [hash: string, text: string]): Send {
    return (to) => to.set(this.#keys.sharedText(hash), text, "EX", TEXT_EXPIRY_S);
  }

  /** Its result is 0 where the text is not there. */
  #renewText(hash: string): Send {
    return (to) => to.expire(this.#keys.sharedText(hash), TEXT_EXPIRY_S);
  }

  /** On a Cluster only what has been answered is certain to have come first. @returns all results, in order */
  async #sendInOrder(first: Send[], then: Send[]): Promise<unknown[]> {
    if (!this.#redis.isCluster) return await sendTogether(this.#redis, [...first, ...then]);
    const results = await sendTogether(this.#redis, first);
    return [...results, ...(await sendTogether(this.#redis, then))];
  }

  #acknowledge(finished: readonly FinishedEntry[]): Send[] {
    const byStream = new Map<number, (string | number)[]>();
    for (const { stream, id, commands } of finished) {
      const pairs = byStream.get(stream) ?? [];
      pairs.push(id, commands);
      byStream.set(stream, pairs);
    }
    const { commandStream, backlog } = this.#keys;
    return [...byStream].map(([stream, pairs]) => (to) => {
      return runScript(to, "finish-entries", commandStream(stream), backlog(stream), COMMAND_GROUP, ...pairs);
    });
  }

  #isRecent(key: string): boolean {
    const at = this.#renewed.get(key);
    return at !== undefined && performance.now() - at < RENEW_MS;
  }

  #remember(key: string): void {
    if (this.#renewed.size > 10_000) this.#renewed.clear();
    this.#renewed.set(key, performance.now());
  }
}

function hasContent({ messages, replies, finished }: Outgoing): boolean {
  return messages.length + replies.size + finished.length > 0;
}

function chunks(replies: Reply[]): Reply[][] {
  const result: Reply[][] = [];
  let characters = Number.POSITIVE_INFINITY;
  for (const reply of replies) {
    if (characters > MAX_ENTRY_CHARACTERS) {
      result.push([]);
      characters = 0;
    }
    result.at(-1)!.push(reply);
    characters += 50 + reply.frame.length + (reply.part?.bytes.length ?? 0) + answerCharacters(reply);
  }
  return result;
}

/** A gateway's own commands are answered by a value; roughly how long it is. */
function answerCharacters({ effect }: Reply): number {
  return effect?.kind === "answer" ? JSON.stringify(effect.value).length : 0;
}
