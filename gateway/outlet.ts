/**
 * What goes out to one client, and how that ends. What may not pass yet is held, in order; a client that takes too
 * little of it is closed; and while an answer goes out in parts, what else there is waits for its end.
 */
import type { ReplyPart } from "../shared/envelope.ts";
import { closeCodes } from "../shared/protocol/close-codes.ts";
import { pushFrame } from "../shared/protocol/frames.ts";
import type { BigAnswer, BigAnswers } from "./big-answer.ts";
import type { Lingering } from "./lingering.ts";
import type { GatewayMetrics } from "./metrics.ts";
import { type Frame, sizeOf } from "./pieced-frame.ts";
import { closeReasons, type Link } from "./uws.ts";

/** What an outlet asks of its gateway. */
export interface OutletHost {
  limits: { maxSendBufferBytes: number; commandTimeoutMs: number };
  metrics: GatewayMetrics;
  bigAnswers: BigAnswers;
  lingering: Lingering;
  /** Whether anything may reach clients now; of the gateway's `own` words more may. */
  mayPass(own: boolean): boolean;
}

/** Whose it is. */
export interface Recipient {
  readonly isClosed: boolean;
  /** Null before login: then it is nobody's, and no fence is for it. */
  readonly user: string | null;
}

/** The gateway's own words, as that there was no answer in time, are held for so long at the most. */
const OWN_HELD_MS = 3_000;

/** The last thing that a client is told. */
export const RELOAD = pushFrame("connection.reload", "{}");

export class Outlet {
  readonly #recipient: Recipient;
  readonly #link: Link;
  readonly #host: OutletHost;
  /** The answer that is half sent: nothing else may go out before its end. */
  #big: BigAnswer | null = null;
  /** What waits until it may pass, in order; `at`: since when, by `performance.now()`. */
  #held: { frame: Frame; kind: string; own: boolean; at: number }[] = [];
  #heldBytes = 0;
  /** Why the server closed it. */
  #closedBy: string | null = null;

  constructor(recipient: Recipient, link: Link, host: OutletHost) {
    this.#recipient = recipient;
    this.#link = link;
    this.#host = host;
  }

  /**
   * Sends a frame, once it may pass.
   *
   * @param own the gateway's own words: nothing of what others said or did
   * @returns whether it is held: `release` is to be called
   */
  send(frame: Frame, kind: string, own: boolean): boolean {
    const { isClosed, user } = this.#recipient;
    if (isClosed) return false;
    if (this.#held.length === 0 && (user === null || this.#host.mayPass(own))) {
      this.write(frame, kind);
      return false;
    }
    const isTooMuch = this.#isTooMuch(this.#heldBytes);
    this.#held.push({ frame, kind, own, at: performance.now() });
    this.#heldBytes += sizeOf(frame);
    if (isTooMuch) this.close(closeCodes.slow);
    return !isTooMuch;
  }

  /**
   * Sends what was held, as far as it may pass. Where that takes too long, the client is sent to another gateway: it
   * would wait for an answer that this one cannot give.
   *
   * @returns whether nothing is held any more
   */
  release(): boolean {
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      if (!this.#host.mayPass(next.own)) {
        const limitMs = next.own ? OWN_HELD_MS : this.#host.limits.commandTimeoutMs;
        if (performance.now() - next.at < limitMs) return false;
        this.close(closeCodes.restart);
        return true;
      }
      this.#held.shift();
      this.#heldBytes -= sizeOf(next.frame);
      this.write(next.frame, next.kind);
    }
    return true;
  }

  /** Sends a frame past what is held. A client that reads too slowly is closed instead of being buffered for. */
  write(frame: Frame, kind: string): void {
    if (this.#recipient.isClosed) return;
    let unsent = 0;
    if (this.#big !== null) unsent = this.#big.hold(frame, kind);
    else {
      const text = typeof frame === "string" ? frame : frame.bytes();
      if (this.#link.send(text) !== 1) unsent = this.#link.getBufferedAmount();
      this.#host.metrics.sent(kind, frame);
    }
    // What was there before it counts: a frame that is larger than the limit is no fault of its client's.
    if (this.#isTooMuch(unsent) && this.#isTooMuch(unsent - sizeOf(frame))) this.tooSlow();
  }

  /** Something was answered into the buffer that nobody else looks at. */
  control(): void {
    if (this.#isTooMuch(this.#link.getBufferedAmount())) this.tooSlow();
  }

  drained(): void {
    this.#big?.drained();
  }

  /** Whether an answer is half sent: until its end no frame gets out. */
  get isMidway(): boolean {
    return this.#big !== null;
  }

  /** Sends a part of a big answer. @returns whether that was the last one */
  takePart(part: ReplyPart): boolean {
    const { bigAnswers, metrics } = this.#host;
    if (this.#recipient.isClosed) {
      bigAnswers.stop(part.run);
      return false;
    }
    this.#big ??= bigAnswers.begin(this.#link, part.run, (code) =>
      code === closeCodes.slow ? this.tooSlow() : this.close(code),
    );
    // Half a message cannot be held back: where nothing may pass, it ends here.
    if (!this.#host.mayPass(false) || !this.#big.take(part)) {
      this.close(closeCodes.restart);
      return false;
    }
    metrics.sentPart("answer", part.bytes.length, part.last);
    if (!part.last) return false;
    bigAnswers.end(this.#big);
    const held = this.#big.held();
    this.#big = null;
    for (const { frame, kind } of held) this.send(frame, kind, false);
    return true;
  }

  /** No more than so long is left to the big answer that is under way; then its connection is closed with this code. */
  endMidwaySoon(code: number): void {
    this.#big?.endSoon(code);
  }

  tooSlow(): void {
    this.#host.metrics.slowConsumers.inc();
    this.close(closeCodes.slow);
  }

  close(code: number): void {
    if (this.#recipient.isClosed) return;
    const reason = closeReasons[code] ?? "";
    this.#closedBy = reason;
    if (this.#host.lingering.admits(this.#link.getBufferedAmount())) this.#link.end(code, reason);
    else this.#link.close();
  }

  /** Ends it for somebody who is locked out: nothing that waits gets there. */
  cutOff(): void {
    this.#held = [];
    // What the buffer holds would still arrive before the close does.
    if (this.#link.getBufferedAmount() === 0) {
      // Within a big answer the code alone says it.
      if (this.#big === null) this.write(RELOAD, "control");
      return this.close(closeCodes.reload);
    }
    this.#closedBy = closeReasons[closeCodes.reload]!;
    this.#link.close();
  }

  /** The WebSocket is gone. @returns why, for the metrics */
  closed(code: number): string {
    this.#held = [];
    if (this.#big !== null) this.#host.bigAnswers.stop(this.#big.run, this.#big);
    return this.#closedBy ?? (code >= 1000 && code <= 1005 ? "client" : "lost");
  }

  #isTooMuch(amount: number): boolean {
    const { maxSendBufferBytes } = this.#host.limits;
    return maxSendBufferBytes > 0 && amount > maxSendBufferBytes;
  }
}
