/**
 * Closes all connections on the way out (design §2.8): spread over the drain time, so that the clients don't come
 * back to the other gateways at once; each finishes what it has under way.
 */
import { pause } from "../shared/backoff.ts";
import { closeCodes } from "../shared/protocol/close-codes.ts";
import type { Connections } from "./connections.ts";

const STEP_MS = 50;

interface DrainOptions {
  connections: Connections;
  drainMs: number;
  /** Longest that a command under way is waited for after that. */
  commandTimeoutMs: number;
  /** Aborted: close everything that is left at once. */
  hasten: AbortSignal;
}

/** Resolves when no connection is left. */
export async function drain({ connections, drainMs, commandTimeoutMs, hasten }: DrainOptions): Promise<void> {
  const started = performance.now();
  const leaving = shuffle(connections.all());
  const total = leaving.length;
  while (leaving.length > 0) {
    const share = drainMs === 0 || hasten.aborted ? 1 : (performance.now() - started) / drainMs;
    const left = Math.max(0, Math.floor(total * (1 - share)));
    for (const connection of leaving.splice(left)) connection.closeWhenIdle(closeCodes.restart);
    if (leaving.length > 0) await pause(STEP_MS, hasten);
  }
  const deadline = performance.now() + commandTimeoutMs;
  while (connections.size > 0 && performance.now() < deadline)
    await pause(STEP_MS, new AbortController().signal);
  for (const connection of connections.all()) connection.close(closeCodes.restart);
}

/** Fisher and Yates: the order of arrival would send the same people off first at every deploy. */
function shuffle<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
