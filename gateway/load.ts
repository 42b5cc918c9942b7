/**
 * Whether this gateway takes in more than the workers get done. Then what comes is refused at once, while little
 * waits, instead of after seconds in a queue: those who are let in are answered in time.
 *
 * Modes: calm ⇄ overloaded, changed in `tick` alone. How long the queue is in time follows from how many requests
 * wait and how many answers come in a second (Little's law), over all connections of this gateway; others do the
 * same with their share.
 */

/** Who asks, from whom is refused first to whom last. */
export type Asker =
  /** A connection that has something waiting already. */
  | "busy"
  | "idle"
  /** A login, or a moderator's hand on somebody: they come once, and much depends on them. */
  | "urgent";

/** What waits, and how much was answered so far. */
interface Counts {
  waiting: number;
  answered: number;
}

/** The queue may be so long in time, as a share of the time for an answer. */
const OVERLOADED_AT = 1 / 20;
/** What each may find before it when the gateway is overloaded, as a share of that: who asks one thing at a time waits. */
const SHARES: Readonly<Record<Asker, number>> = { busy: 0.5, idle: 3, urgent: 6 };
/**
 * So many are never too many: what was answered a moment ago may have been harder than what comes now, logins after
 * which everybody looks around, for one.
 */
const LEAST: Readonly<Record<Asker, number>> = { busy: 64, idle: 500, urgent: 1_000 };

/** A queue that is only long for a moment is a rush, which passes. */
const RUSH_MS = 800;
/** Overload is over when the queue has been this short for so long. */
const CALM_AT = OVERLOADED_AT / 8;
const CALM_MS = 1_000;

/** Without any answer for so long the workers stand still; what has gathered they get done faster than it came. */
const STALL_MS = 1_000;
const CATCH_UP_MS = 3_000;

/** Over which time answers a second are taken together, and the most of them forgotten. */
const RATE_MS = 300;
const FORGET_MS = 10_000;

export class Load {
  readonly #timeoutMs: number;
  #isOverloaded = false;
  /** Answers in a ms: lately, and the most that there were lately. */
  #rate = 0;
  #peak = 0;
  #at: number;
  #answered = 0;
  #longForMs = 0;
  #shortForMs = 0;
  #stalledForMs = 0;
  #catchesUpUntil = Number.NEGATIVE_INFINITY;

  /**
   * @param timeoutMs time for an answer
   * @param now ms by a clock that never goes back, as everywhere here
   */
  constructor(timeoutMs: number, now: number) {
    this.#timeoutMs = timeoutMs;
    this.#at = now;
  }

  get isOverloaded(): boolean {
    return this.#isOverloaded;
  }

  /** Whether one more may come in while so many wait. */
  admits(asker: Asker, waiting: number): boolean {
    if (!this.#isOverloaded) return true;
    const queueMs = this.#timeoutMs * OVERLOADED_AT * SHARES[asker];
    return waiting < Math.max(LEAST[asker], this.#peak * queueMs);
  }

  /** Looks at how it goes; to be called several times a second. */
  tick(now: number, { waiting, answered }: Counts): void {
    const tookMs = now - this.#at;
    if (tookMs <= 0) return;
    const answers = answered - this.#answered;
    this.#at = now;
    this.#answered = answered;
    if (answers === 0 && waiting > 0) return this.#stand(now, tookMs);
    this.#stalledForMs = 0;
    const weight = Math.min(1, tookMs / RATE_MS);
    this.#rate += (answers / tookMs - this.#rate) * weight;
    this.#peak = Math.max(this.#rate, this.#peak * (1 - tookMs / FORGET_MS));
    const queueMs = waiting === 0 ? 0 : waiting / this.#peak;
    this.#judge(now, tookMs, queueMs / this.#timeoutMs);
  }

  #stand(now: number, tookMs: number): void {
    this.#stalledForMs += tookMs;
    if (this.#stalledForMs >= STALL_MS) this.#catchesUpUntil = now + CATCH_UP_MS;
  }

  /** @param queue how long the queue is in time, as a share of the time for an answer */
  #judge(now: number, tookMs: number, queue: number): void {
    const isLong = queue > OVERLOADED_AT && now > this.#catchesUpUntil;
    this.#longForMs = isLong ? this.#longForMs + tookMs : 0;
    this.#shortForMs = queue < CALM_AT ? this.#shortForMs + tookMs : 0;
    if (this.#longForMs >= RUSH_MS) this.#isOverloaded = true;
    else if (this.#shortForMs >= CALM_MS) this.#isOverloaded = false;
  }
}
