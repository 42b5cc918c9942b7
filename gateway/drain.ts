/**
 * Closes all connections on the way out (docs/architecture.md): spread over the drain time, so that the clients don't come
 * back to the other gateways at once; each finishes what it has under way.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { closeCodes } from "../shared/protocol/close-codes.ts";
import type { Connections } from "./connections.ts";
import { spread } from "./spread.ts";

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
  await spread(connections.all(), drainMs, hasten, (connection) => {
    connection.closeWhenIdle(closeCodes.restart);
  });
  const deadline = performance.now() + commandTimeoutMs;
  while (connections.size > 0 && performance.now() < deadline) await sleep(STEP_MS);
  for (const connection of connections.all()) connection.close(closeCodes.restart);
}
