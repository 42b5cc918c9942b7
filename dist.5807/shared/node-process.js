/** What every node process does alike: its id, telling its parent that it serves, stopping on signals. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
/**
 * A new id for this process. A node that is started again is a new node: nobody owes it the answers, the lease
 * or the connections of the one before.
 */
export function newNodeId() {
    const host = hostname()
        .toLowerCase()
        .replace(/[^a-z0-9-]/g, "-")
        .slice(0, 40);
    return `${host}-${randomBytes(4).toString("hex")}`;
}
/** Says so, where somebody listens. */
export function announceReady(message) {
    process.send?.(message);
}
/**
 * Calls `stop` at the first SIGTERM or SIGINT, and `hasten` at every further one. Where a local cluster started
 * this node, its end is both at once.
 */
export function onStopSignals(stop, hasten) {
    let stopping = false;
    const act = () => {
        if (stopping)
            return hasten();
        stopping = true;
        stop();
    };
    process.on("SIGTERM", act);
    process.on("SIGINT", act);
    process.on("disconnect", () => {
        act();
        hasten();
    });
    // The listener alone would keep the process from ending.
    process.channel?.unref();
}
//# sourceMappingURL=node-process.js.map