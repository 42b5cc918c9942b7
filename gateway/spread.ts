/** Doing something to many, spread over a time, so that their clients don't all come back at once. */
import { pause } from "../shared/backoff.ts";

const STEP_MS = 50;

/**
 * Does it to each, in random order and evenly over `overMs`; to all that are left once `hasten` aborts.
 *
 * @returns resolves when it is done to the last
 */
export async function spread<T>(
  items: readonly T[],
  overMs: number,
  hasten: AbortSignal,
  act: (item: T) => void,
): Promise<void> {
  const started = performance.now();
  const left = shuffle([...items]);
  while (left.length > 0) {
    const share = overMs <= 0 || hasten.aborted ? 1 : (performance.now() - started) / overMs;
    const keep = Math.max(0, Math.floor(items.length * (1 - share)));
    for (const item of left.splice(keep)) act(item);
    if (left.length > 0) await pause(STEP_MS, hasten);
  }
}

/** Fisher and Yates: the order of arrival would have the same people go first every time. */
function shuffle<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
