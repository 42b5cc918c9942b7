/** A worker's metrics: `foyer_core_*` (docs/operations.md). Labels are bounded: names and codes of the tables. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { FramePart } from "../shared/envelope.ts";
import { latencyBuckets } from "../shared/metrics.ts";
import { commands as commandTable, isCommand } from "../shared/protocol/commands.ts";
import { codesOf } from "../shared/protocol/errors.ts";
import { outcomeOf } from "../shared/protocol/frames.ts";
import { gatewayCommandNames, isGatewayCommand } from "../shared/protocol/gateway-commands.ts";
import { operatorActionOf, operatorActions } from "../shared/protocol/operator-commands.ts";
import { Tally } from "../shared/tally.ts";
import { Timings } from "../shared/timings.ts";

/** What a worker counts. */
export type CoreMetrics = ReturnType<typeof createCoreMetrics>;

export function createCoreMetrics(register: Registry) {
  const registers = [register];
  const commands = new Tally({
    name: "foyer_core_commands_total",
    help: "commands run, by outcome: success, or the error's code",
    labelNames: ["command", "outcome"],
    register,
  });
  const duration = new Timings({
    name: "foyer_core_command_duration_seconds",
    help: "from reading a command to its answer",
    labelName: "command",
    buckets: latencyBuckets,
    register,
  });
  const histogram = (name: string, help: string, buckets = latencyBuckets) =>
    new Histogram({ name: `foyer_core_${name}`, help, buckets, registers });
  const gauge = (name: string, help: string) => new Gauge({ name: `foyer_core_${name}`, help, registers });
  const counter = (name: string, help: string) =>
    new Counter({ name: `foyer_core_${name}`, help, registers });
  const unreadable = new Counter({
    name: "foyer_core_unreadable_total",
    help: "what was read from Redis and is none of ours, by kind",
    labelNames: ["kind"],
    registers,
  });
  // To Prometheus a series that begins with its first event has not risen: what must not happen begins at 0.
  for (const command of [
    ...Object.keys(commandTable),
    ...gatewayCommandNames,
    ...operatorActions.map((action) => `operator.${action}`),
    "authenticate",
    "unknown",
  ]) {
    for (const outcome of ["success", ...codesOf("server")]) commands.begin(command, outcome);
  }
  for (const kind of ["command", "world", "answer"]) unreadable.inc({ kind }, 0);

  return {
    queueWait: histogram(
      "queue_wait_seconds",
      "from the gateway's write to a worker's reading, by their clocks",
    ),
    batchSize: histogram("batch_size", "commands read at once", [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]),
    pendingEntries: gauge("pending_entries", "entries read and not yet acknowledged, by all workers"),
    oldestPending: gauge(
      "oldest_pending_seconds",
      "age of the oldest entry that is not finished, whether it is read yet or not",
    ),
    streamLength: gauge("stream_length", "entries in the command streams"),
    leader: gauge("leader", "1 on the worker that leads"),
    claimed: counter("claimed_total", "entries taken over from a worker that died or stalled"),
    left: counter("left_total", "entries left to a worker of a newer version"),
    unreadable,
    deadLetters: counter("dead_letters_total", "entries given up"),
    banEnforcement: histogram(
      "ban_enforcement_seconds",
      "from a ban, silence or deletion to the last gateway's confirmation",
    ),
    expired: counter("expired_total", "commands that were not run because their time was over"),
    duplicatesSuppressed: counter("duplicates_suppressed_total", "commands that had run before"),
    queryDuration: histogram(
      "db_query_duration_seconds",
      "a statement to Postgres, waiting for a connection included",
    ),
    /** Makes the gauge of statements without a connection; called once. */
    watchPool(waiting: () => number) {
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
    knownCommand: (action: string) =>
      isCommand(action) ||
      action === "authenticate" ||
      isGatewayCommand(action) ||
      operatorActionOf(action) !== undefined
        ? action
        : "unknown",
    /** Counts one answered command. `started` is by `performance.now()`. */
    observe(command: string, answer: { frame: string | readonly FramePart[] }, started: number) {
      commands.add(command, outcomeOf(answer.frame));
      duration.observe(command, (performance.now() - started) / 1000);
    },
  };
}
