/** How long to wait before trying again: a pure function, and sleeps that a stop signal ends. */

/**
 * @param attempt failures so far, from 0
 * @param firstMs wait after the first failure
 * @param capMs longest wait
 * @param random in [0, 1), so that many nodes don't come back at once
 * @returns ms, between half the doubled wait and all of it
 */
export function backoffMs(attempt: number, firstMs: number, capMs: number, random = Math.random()): number {
  const full = Math.min(capMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.ceil(full * (0.5 + random / 2));
}

/** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

/**
 * How long it is to the process' next turn of `everyMs`. Turns of the same length come at the same moment for all that
 * wait for them, and longer ones with shorter ones: waking an idle process costs more than most of what it does then
 * (docs/performance.md). No two processes have the same moments.
 *
 * @param everyMs ms from one turn to the next
 * @param nowMs ms since the process began
 * @returns whole ms, at least a tenth of `everyMs`: a timer may be a little early, and then the turn that is about to
 * come is the one that was waited for
 */
export function untilTurnMs(everyMs: number, nowMs: number): number {
  const leftMs = everyMs - (nowMs % everyMs);
  return Math.ceil(leftMs < everyMs / 10 ? leftMs + everyMs : leftMs);
}

/** Resolves at the process' next turn of `everyMs`, or at once when `signal` aborts; never rejects. */
export function nextTurn(everyMs: number, signal: AbortSignal): Promise<void> {
  return pause(untilTurnMs(everyMs, performance.now()), signal);
}
