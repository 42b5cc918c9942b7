/**
 * Answers that come in parts. Each part is sent as a fragment of one WebSocket message, and the worker is told of
 * what the client took, so that only a few parts are ever here. No other message fits between two fragments:
 * what is to be sent meanwhile waits.
 */

import { sweepAfter } from "../shared/collect-garbage.ts";
import type { ReplyPart } from "../shared/envelope.ts";
import { closeCodes } from "../shared/protocol/close-codes.ts";
import { type Frame, sizeOf } from "./pieced-frame.ts";
import type { Link } from "./uws.ts";

/** A client that takes nothing for so long is closed, and a worker that sends nothing is given up. */
const STALLED_MS = 10_000;

/** What is left of an answer whose connection is to end: its client can be told nothing before it has all of it. */
const LAST_MS = 30_000;

/** What the worker was told it is told again, should it not have heard. */
const REPEAT_MS = 1_000;

/** Tells the worker of a run how many of its parts are gone; -1: no more are wanted. */
type Acknowledge = (run: string, parts: number) => void;

/** Those of one gateway. */
export class BigAnswers {
  readonly #acknowledge: Acknowledge;
  readonly #open = new Set<BigAnswer>();

  constructor(acknowledge: Acknowledge) {
    this.#acknowledge = acknowledge;
  }

  /** Opens a message. @param giveUp called with a close code when nothing moves any more */
  begin(link: Link, run: string, giveUp: (code: number) => void): BigAnswer {
    const answer = new BigAnswer(link, run, this.#acknowledge, giveUp);
    this.#open.add(answer);
    return answer;
  }

  /** It is complete. */
  end(answer: BigAnswer): void {
    this.#open.delete(answer);
  }

  /** Nobody is there for this run any more. */
  stop(run: string, answer?: BigAnswer): void {
    if (answer !== undefined) this.#open.delete(answer);
    this.#acknowledge(run, -1);
  }

  /** @param now by `performance.now()` */
  sweep(now: number): void {
    for (const answer of this.#open) answer.look(now);
  }
}

/** A message that is open on one connection. */
export class BigAnswer {
  readonly run: string;
  readonly #link: Link;
  readonly #acknowledge: Acknowledge;
  readonly #giveUp: (code: number) => void;
  /** Parts handed to the link, and how many of them the worker knows to be gone. */
  #parts = 0;
  #taken = 0;
  #movedAt = performance.now();
  #saidAt = 0;
  #held: { frame: Frame; kind: string }[] = [];
  #heldBytes = 0;
  #last: { code: number; by: number } | null = null;

  constructor(link: Link, run: string, acknowledge: Acknowledge, giveUp: (code: number) => void) {
    this.#link = link;
    this.run = run;
    this.#acknowledge = acknowledge;
    this.#giveUp = giveUp;
  }

  /** Sends the next part. @returns false when it is not the next one: the message cannot be completed */
  take({ run, number, last, bytes }: ReplyPart): boolean {
    // A reply can come twice.
    if (run === this.run && number < this.#parts) return true;
    if (run !== this.run || number > this.#parts) return false;
    if (this.#taken === this.#parts) this.#movedAt = performance.now();
    this.#parts++;
    const handedOver =
      number === 0
        ? this.#link.sendFirstFragment(bytes, false, false)
        : last
          ? this.#link.sendLastFragment(bytes, false)
          : this.#link.sendFragment(bytes, false);
    sweepAfter(bytes.length);
    if (handedOver === 1) this.#allTaken();
    return true;
  }

  /** Gives it up if it is not complete soon. @param code what the connection is closed with then */
  endSoon(code: number): void {
    this.#last = { code, by: performance.now() + LAST_MS };
  }

  /** Keeps a frame for afterwards. @returns the bytes that wait for the client now */
  hold(frame: Frame, kind: string): number {
    this.#held.push({ frame, kind });
    this.#heldBytes += sizeOf(frame);
    return this.#heldBytes + this.#link.getBufferedAmount();
  }

  /** What was kept. */
  held(): readonly { frame: Frame; kind: string }[] {
    return this.#held;
  }

  /** Something went out of the link's buffer. */
  drained(): void {
    if (this.#taken < this.#parts && this.#link.getBufferedAmount() === 0) this.#allTaken();
  }

  /** Looks whether it still moves. @param now by `performance.now()` */
  look(now: number): void {
    const waitsForClient = this.#taken < this.#parts;
    if (this.#last !== null && now > this.#last.by) this.#giveUp(this.#last.code);
    else if (now - this.#movedAt > STALLED_MS)
      this.#giveUp(waitsForClient ? closeCodes.slow : closeCodes.restart);
    else if (!waitsForClient && now - this.#saidAt > REPEAT_MS) this.#say(now);
  }

  #allTaken(): void {
    this.#taken = this.#parts;
    this.#movedAt = performance.now();
    this.#say(this.#movedAt);
  }

  #say(now: number): void {
    this.#saidAt = now;
    this.#acknowledge(this.run, this.#taken);
  }
}
