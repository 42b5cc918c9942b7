/**
 * Texts that many answers share, such as one `world.config` for all attendees: read from Redis once, then kept,
 * so that an opening rush carries them to each gateway once (docs/architecture.md). Kept as the bytes that go to
 * clients (`pieced-frame.ts`).
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { FramePart } from "../shared/envelope.ts";
import type { RedisClient } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { PiecedFrame } from "./pieced-frame.ts";

/** Bytes kept; the least recently used go first. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * A text that is missing comes soon: where Redis has lost it, a worker notices as it writes an answer that refers to it,
 * and writes it anew after that.
 */
const WAIT_MS = 2_000;
const LOOK_EVERY_MS = 20;

export class SharedTexts {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #texts = new Map<string, Buffer>();
  readonly #reading = new Map<string, Promise<Buffer>>();
  #bytes = 0;

  constructor(redis: RedisClient, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** The frame: at once where all its texts are known. @throws Error when one cannot be read */
  assemble(parts: readonly FramePart[]): PiecedFrame | Promise<PiecedFrame> {
    const texts = parts.map((part) =>
      typeof part === "string" ? Buffer.from(part) : this.#get(part.shared),
    );
    return texts.every((text) => Buffer.isBuffer(text))
      ? new PiecedFrame(texts)
      : Promise.all(texts).then((all) => new PiecedFrame(all));
  }

  #get(hash: string): Buffer | Promise<Buffer> {
    const text = this.#texts.get(hash);
    if (text === undefined) {
      const reading = this.#reading.get(hash) ?? this.#read(hash).finally(() => this.#reading.delete(hash));
      this.#reading.set(hash, reading);
      return reading;
    }
    this.#texts.delete(hash);
    this.#texts.set(hash, text);
    return text;
  }

  async #read(hash: string): Promise<Buffer> {
    const text = await this.#lookFor(hash);
    this.#texts.set(hash, text);
    this.#bytes += text.length;
    for (const [oldest, { length }] of this.#texts) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#texts.delete(oldest);
      this.#bytes -= length;
    }
    return text;
  }

  async #lookFor(hash: string): Promise<Buffer> {
    for (const until = performance.now() + WAIT_MS; ; await sleep(LOOK_EVERY_MS)) {
      const text = await this.#redis.getBuffer(this.#keys.sharedText(hash));
      if (text !== null) return text;
      if (performance.now() > until) throw new Error(`the shared text ${hash} is gone`);
    }
  }
}

/** The hash of the text that a frame shares with others; "" where it shares none. */
export function sharedHash(parts: readonly FramePart[]): string {
  const part = parts.find((each) => typeof each !== "string");
  return part === undefined ? "" : part.shared;
}
