/**
 * Closes all connections on the way out (docs/architecture.md): spread over the drain time, so that the clients don't come
 * back to the other gateways at once; each finishes what it has under way.
 */
import { pause } from "../shared/backoff.js";
import { closeCodes } from "../shared/protocol/close-codes.js";
import { spread } from "./spread.js";
const STEP_MS = 50;
/** Resolves when no connection is left. */
export async function drain({ connections, drainMs, commandTimeoutMs, hasten }) {
    await spread(connections.all(), drainMs, hasten, (connection) => {
        connection.closeWhenIdle(closeCodes.restart);
    });
    const deadline = performance.now() + commandTimeoutMs;
    while (connections.size > 0 && performance.now() < deadline)
        await pause(STEP_MS, new AbortController().signal);
    for (const connection of connections.all())
        connection.close(closeCodes.restart);
}
//# sourceMappingURL=drain.js.map