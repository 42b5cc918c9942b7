/**
 * Closes all connections on the way out (docs/architecture.md): spread over the drain time, so that the clients don't come
 * back to the other gateways at once; each finishes what it has under way.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { pause } from "../shared/backoff.ts";
import { closeCodes } from "../shared/protocol/close-codes.ts";
import type { Connections } from "./connections.ts";
import { spread } from "./spread.ts";

const STEP_MS = 50;

/**
 * How long the last clients have to read why they were closed, before their sockets go. To what a client sends to a
 * socket that is gone the system answers with a reset, and one that writes then never reads the close.
 */
const LAST_WORDS_MS = 1_000;

interface DrainOptions {
  connections: Connections;
  drainMs: number;
  /** Longest that a command under way is waited for after that. */
  commandTimeoutMs: number;
  /** Aborted: close everything that is left at once. */
  hasten: AbortSignal;
}

/** Resolves when no connection is left, and the last clients have had the time to hear of it. */
export async function drain({ connections, drainMs, commandTimeoutMs, hasten }: DrainOptions): Promise<void> {
  const isAlone = connections.size === 0;
  await spread(connections.all(), drainMs, hasten, (connection) => {
    connection.closeWhenIdle(closeCodes.restart);
  });
  const deadline = performance.now() + commandTimeoutMs;
  while (connections.size > 0 && performance.now() < deadline) await sleep(STEP_MS);
  for (const connection of connections.all()) connection.close(closeCodes.restart);
  if (!isAlone) await pause(LAST_WORDS_MS, hasten);
}
