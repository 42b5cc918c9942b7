/** A worker's metrics: `foyer_core_*` (docs/operations.md). Labels are bounded: names and codes of the tables. */
import { Counter, Gauge, Histogram } from "prom-client";
import { latencyBuckets } from "../shared/metrics.js";
import { isCommand } from "../shared/protocol/commands.js";
import { outcomeOf } from "../shared/protocol/frames.js";
import { isGatewayCommand } from "../shared/protocol/gateway-commands.js";
import { operatorActionOf } from "../shared/protocol/operator-commands.js";
import { Tally } from "../shared/tally.js";
export function createCoreMetrics(register) {
    const registers = [register];
    const commands = new Tally({
        name: "foyer_core_commands_total",
        help: "commands run, by outcome: success, or the error's code",
        labelNames: ["command", "outcome"],
        register,
    });
    const duration = new Histogram({
        name: "foyer_core_command_duration_seconds",
        help: "from reading a command to its answer",
        labelNames: ["command"],
        buckets: latencyBuckets,
        registers,
    });
    const histogram = (name, help, buckets = latencyBuckets) => new Histogram({ name: `foyer_core_${name}`, help, buckets, registers });
    const gauge = (name, help) => new Gauge({ name: `foyer_core_${name}`, help, registers });
    const counter = (name, help) => new Counter({ name: `foyer_core_${name}`, help, registers });
    return {
        queueWait: histogram("queue_wait_seconds", "from the gateway's write to a worker's reading, by their clocks"),
        batchSize: histogram("batch_size", "commands read at once", [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]),
        pendingEntries: gauge("pending_entries", "entries read and not yet acknowledged, by all workers"),
        oldestPending: gauge("oldest_pending_seconds", "age of the oldest of them"),
        streamLength: gauge("stream_length", "entries in the command streams"),
        leader: gauge("leader", "1 on the worker that leads"),
        claimed: counter("claimed_total", "entries taken over from a worker that died or stalled"),
        left: counter("left_total", "entries left to a worker of a newer version"),
        deadLetters: counter("dead_letters_total", "entries given up"),
        banEnforcement: histogram("ban_enforcement_seconds", "from a ban, silence or deletion to the last gateway's confirmation"),
        expired: counter("expired_total", "commands that were not run because their time was over"),
        duplicatesSuppressed: counter("duplicates_suppressed_total", "commands that had run before"),
        queryDuration: histogram("db_query_duration_seconds", "a statement to Postgres, waiting for a connection included"),
        /** Makes the gauge of statements without a connection; called once. */
        watchPool(waiting) {
            new Gauge({
                name: "foyer_core_db_pool_waiting",
                help: "statements that wait for a connection to Postgres",
                registers,
                collect() {
                    this.set(waiting());
                },
            });
        },
        /** The label of a command: only names that exist. */
        knownCommand: (action) => isCommand(action) ||
            action === "authenticate" ||
            isGatewayCommand(action) ||
            operatorActionOf(action) !== undefined
            ? action
            : "unknown",
        /** Counts one answered command. `started` is by `performance.now()`. */
        observe(command, answer, started) {
            commands.add(command, outcomeOf(answer.frame));
            duration.observe({ command }, (performance.now() - started) / 1000);
        },
    };
}
//# sourceMappingURL=metrics.js.map