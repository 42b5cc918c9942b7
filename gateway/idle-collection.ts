/**
 * Gives memory back once a rush is over. While thousands log in, V8 lets its room for young objects grow to 32 MB, and
 * keeps it and what died since for as long as nothing else is allocated: with 3,000 idle connections that were 31 of
 * a gateway's 120 MB. Collecting everything takes about a millisecond for each MB of the heap, which nobody waits
 * for while it is quiet.
 */

/** So many answers a second are no rush any more. */
const QUIET_A_SECOND = 50;
/** It has to stay quiet for so long: V8 makes the room for young objects smaller where little was allocated in the last 5 s. */
const QUIET_MS = 6_000;
/** After fewer answers than this there is nothing to give back. */
const RUSH = 1_000;

export class IdleCollection {
  readonly #collect: () => void;
  #collectedAfter = 0;
  #quietSince: number;
  #answered = 0;

  /** @param now ms by a clock that never goes back */
  constructor(now: number, collect: () => void) {
    this.#quietSince = now;
    this.#collect = collect;
  }

  /** Looks whether it is time; to be called several times a second. @param answered commands so far */
  tick(now: number, answered: number): void {
    const quietMs = now - this.#quietSince;
    if (answered - this.#answered > (quietMs / 1_000) * QUIET_A_SECOND + QUIET_A_SECOND) {
      this.#quietSince = now;
      this.#answered = answered;
    } else if (quietMs >= QUIET_MS) {
      this.#quietSince = now;
      this.#answered = answered;
      if (answered - this.#collectedAfter < RUSH) return;
      this.#collectedAfter = answered;
      this.#collect();
    }
  }
}
