/**
 * Gathering what belongs together, where each turn costs much and each thing in it little. Alone, nothing waits: the
 * first turn after a pause is due at once, and only those that would follow it closely are put off.
 */

/**
 * From one entry that a gateway writes to the next, from one reading of a worker to the next, and from one reading of
 * replies to the next, ms: 8 cost less processor time, and more of everybody's (docs/performance.md).
 */
export const GATHER_MS = 4;

export class Pace {
  readonly #everyMs: number;
  #turnedAt = Number.NEGATIVE_INFINITY;

  /** @param everyMs from one turn to the next, at the least */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Begins a turn now. */
  turn(): void {
    this.#turnedAt = performance.now();
  }

  /** ms until the next turn is due; 0 where it is. */
  dueInMs(): number {
    return Math.max(0, this.#turnedAt + this.#everyMs - performance.now());
  }
}
