/**
 * What time it is on another server, at the latest. Each of its answers was given after it was asked for: of the
 * differences between its clock and ours that they show, the smallest is the nearest to the truth.
 */

/** Clocks drift apart, by 0.1 ms a second at the most: what was heard in this span and the one before counts. */
const SPAN_MS = 30_000;

export class ServerClock {
  #difference = Number.POSITIVE_INFINITY;
  #differenceBefore = Number.POSITIVE_INFINITY;
  #spanBegan = Number.NEGATIVE_INFINITY;

  /**
   * Takes an answer.
   *
   * @param time there as it answered, ms since the epoch
   * @param askedAt when it was asked, by our clock that never goes back
   */
  heard(time: number, askedAt: number): void {
    if (askedAt - this.#spanBegan > SPAN_MS) {
      this.#differenceBefore = this.#difference;
      this.#difference = Number.POSITIVE_INFINITY;
      this.#spanBegan = askedAt;
    }
    this.#difference = Math.min(this.#difference, time - askedAt);
  }

  /** What time it is there when it is `now` here: rather too late than too early; infinite while nothing is known. */
  at(now: number): number {
    return now + Math.min(this.#difference, this.#differenceBefore);
  }

  /** It may be another server, or its clock was set. */
  forget(): void {
    this.#difference = Number.POSITIVE_INFINITY;
    this.#differenceBefore = Number.POSITIVE_INFINITY;
  }
}
