/** Cuts a big answer into parts and sends them, a few ahead of what the client has taken. */

import { sweepAfter } from "../shared/collect-garbage.ts";
import type { ReplyPart } from "../shared/envelope.ts";
import { closeCodes } from "../shared/protocol/close-codes.ts";

const PART_BYTES = 64 * 1024;

/** Parts under way. */
const WINDOW = 4;

/** A client that takes nothing for so long is its gateway's to close; a little later it is ours. */
const STALLED_MS = 12_000;

/** An answer holds a snapshot of the database: longer than this no client may need. */
const MAX_MS = 600_000;

/** What is left to an answer whose worker stops. */
const HURRY_MS = 5_000;

const encoder = new TextEncoder();

/** An answer that is not sent to its end. */
export class Abandoned extends Error {
  /** What the connection is closed with. */
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.name = "Abandoned";
    this.code = code;
  }
}

export class PartSender {
  readonly #send: (part: ReplyPart) => Promise<unknown>;
  readonly #run: string;
  #deadline = performance.now() + MAX_MS;
  /** One for each part under way and one to fill, again and again: garbage of this size would pile up. */
  readonly #buffers = Array.from({ length: WINDOW + 1 }, () => Buffer.allocUnsafeSlow(PART_BYTES));
  #filled = 0;
  #sent = 0;
  #taken = 0;
  #isStopped = false;
  #wake = () => {};

  constructor(send: (part: ReplyPart) => Promise<unknown>, run: string) {
    this.#send = send;
    this.#run = run;
  }

  /** Sends pieces as they fill parts. @returns whether anybody wants more @throws Abandoned */
  async write(pieces: readonly string[]): Promise<boolean> {
    for (const piece of pieces) await this.#add(piece);
    return true;
  }

  /** @returns the last part, to be sent as the answer @throws Abandoned */
  async end(text: string): Promise<ReplyPart> {
    await this.#add(text);
    return await this.#cut(true);
  }

  /** So many parts the client has taken; -1: it is gone. @returns false for what cannot be, which changes nothing */
  acknowledged(parts: number): boolean {
    if (!Number.isInteger(parts) || parts < -1 || parts > this.#sent) return false;
    if (parts < 0) this.#isStopped = true;
    else this.#taken = Math.max(this.#taken, parts);
    this.#wake();
    return true;
  }

  hurry(): void {
    this.#deadline = Math.min(this.#deadline, performance.now() + HURRY_MS);
    this.#wake();
  }

  async #add(text: string): Promise<void> {
    for (let rest = text; ; ) {
      const { read, written } = encoder.encodeInto(rest, this.#buffer().subarray(this.#filled));
      this.#filled += written;
      if (read === rest.length) return;
      await this.#send(await this.#cut(false));
      rest = rest.slice(read);
    }
  }

  async #cut(last: boolean): Promise<ReplyPart> {
    await this.#room();
    const bytes = this.#buffer().subarray(0, this.#filled);
    this.#filled = 0;
    sweepAfter(bytes.length);
    return { run: this.#run, number: this.#sent++, last, bytes };
  }

  #buffer(): Buffer {
    return this.#buffers[this.#sent % this.#buffers.length]!;
  }

  async #room(): Promise<void> {
    const stalledAt = performance.now() + STALLED_MS;
    for (;;) {
      const now = performance.now();
      if (this.#isStopped) throw new Abandoned("the client is gone", closeCodes.restart);
      if (now >= this.#deadline) throw new Abandoned("out of time", closeCodes.restart);
      if (this.#sent - this.#taken < WINDOW) return;
      if (now >= stalledAt) throw new Abandoned("the client takes nothing", closeCodes.slow);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(stalledAt, this.#deadline) - now);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
