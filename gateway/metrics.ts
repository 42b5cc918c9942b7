/** A gateway's metrics: `foyer_gateway_*` (docs/operations.md). Labels are bounded: names and codes of the tables. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { latencyBuckets } from "../shared/metrics.ts";
import { closeCodes } from "../shared/protocol/close-codes.ts";
import { commands as commandTable, isCommand } from "../shared/protocol/commands.ts";
import { codesOf } from "../shared/protocol/errors.ts";
import { outcomeOf } from "../shared/protocol/frames.ts";
import { Tally } from "../shared/tally.ts";
import { Timings } from "../shared/timings.ts";
import { type Frame, sizeOf } from "./pieced-frame.ts";

/** What a gateway counts. */
export type GatewayMetrics = ReturnType<typeof createGatewayMetrics>;

/** Gauges, read when somebody looks. */
export interface Readings {
  connections(): { authenticating: number; authenticated: number };
  /** `FOYER_MAX_CONNECTIONS` */
  connectionsLimit(): number;
  inflightCommands(): number;
  canaryAgeSeconds(): number;
  isOverloaded(): boolean;
  isPubsubConnected(): boolean;
  isDraining(): boolean;
}

export function createGatewayMetrics(register: Registry) {
  const registers = [register];
  const histogram = (name: string, help: string) =>
    new Histogram({ name: `foyer_gateway_${name}`, help, buckets: latencyBuckets, registers });
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `foyer_gateway_${name}`, help, labelNames, registers });

  const tally = <L extends string>(name: string, help: string, labelNames: [L, ...L[]]) =>
    new Tally({ name: `foyer_gateway_${name}`, help, labelNames, register });

  const commands = tally("commands_total", "commands answered, by outcome: success, or the error's code", [
    "command",
    "outcome",
  ]);
  const duration = new Timings({
    name: "foyer_gateway_command_duration_seconds",
    help: "from frame read to answer written",
    labelName: "command",
    buckets: latencyBuckets,
    register,
  });
  const authentications = counter("authentications_total", "attempts to log in", ["method", "outcome"]);
  const messages = tally("messages_sent_total", "frames sent", ["kind"]);
  let bytes = 0;
  new Counter({
    name: "foyer_gateway_bytes_sent_total",
    help: "bytes of the frames sent",
    registers,
    collect() {
      this.inc(bytes);
      bytes = 0;
    },
  });
  const unreadable = counter("unreadable_total", "what was read from Redis and is none of ours, by kind", [
    "kind",
  ]);
  const connectionsClosed = counter("connections_closed_total", "connections closed", ["reason"]);
  const connectionsRefused = counter("connections_refused_total", "upgrades refused", ["reason"]);

  // To Prometheus a series that begins with its first event has not risen: what is worth an alert begins at 0.
  for (const command of [...Object.keys(commandTable), "authenticate", "unknown"]) {
    for (const outcome of ["success", ...codesOf("server")]) commands.begin(command, outcome);
    duration.begin(command);
  }
  const loginOutcomes = ["success", "protocol.rate_limited", ...codesOf("auth"), ...codesOf("server")];
  for (const method of ["token", "invite", "guest"]) {
    for (const outcome of loginOutcomes) authentications.inc({ method, outcome }, 0);
  }
  for (const kind of ["reply", "broadcast", "fence", "order", "world", "canary"]) unreadable.inc({ kind }, 0);
  for (const reason of [...Object.keys(closeCodes), "client", "lost"]) connectionsClosed.inc({ reason }, 0);
  for (const reason of ["draining", "full", "address", "world", "origin"])
    connectionsRefused.inc({ reason }, 0);

  return {
    connectionsOpened: counter("connections_opened_total", "connections let in"),
    connectionsClosed,
    connectionsRefused,
    unreadable,
    slowConsumers: counter("slow_consumers_total", "connections closed for reading too slowly"),
    fanoutDelay: histogram("fanout_delay_seconds", "from published to written, by the nodes' clocks"),
    resyncs: counter(
      "resyncs_total",
      "users whose account was compared after something may have been missed",
    ),
    rateLimited: counter("rate_limited_total", "commands refused as too many"),

    /** Counts one frame that was sent. */
    sent(kind: string, frame: Frame) {
      messages.add(kind);
      bytes += sizeOf(frame);
    },

    /** Counts a part of a frame, and with the last one the frame. */
    sentPart(kind: string, size: number, isLast: boolean) {
      if (isLast) messages.add(kind);
      bytes += size;
    },

    /** Counts one answered command. */
    commandAnswered(request: { action: string; text: string; readAt: number }, frame: Frame) {
      const { action, readAt, text } = request;
      const command = isCommand(action) || action === "authenticate" ? action : "unknown";
      // In pieces are only successes.
      const outcome = typeof frame === "string" ? outcomeOf(frame) : "success";
      commands.add(command, outcome);
      duration.observe(command, (performance.now() - readAt) / 1000);
      if (command === "authenticate") authentications.inc({ method: methodOf(text), outcome });
    },

    /** Makes the gauges; called once. */
    watch(readings: Readings) {
      const gauge = (name: string, help: string, read: () => number) =>
        new Gauge({
          name: `foyer_gateway_${name}`,
          help,
          registers,
          collect() {
            this.set(read());
          },
        });
      new Gauge({
        name: "foyer_gateway_connections",
        help: "open connections",
        labelNames: ["state"],
        registers,
        collect() {
          for (const [state, count] of Object.entries(readings.connections())) this.set({ state }, count);
        },
      });
      gauge(
        "connections_limit",
        "connections that it takes at the most; 0: any number",
        readings.connectionsLimit,
      );
      gauge("inflight_commands", "commands on their way to or from workers", readings.inflightCommands);
      gauge("overloaded", "1 while it refuses what is more than workers get done", () =>
        Number(readings.isOverloaded()),
      );
      gauge("canary_age_seconds", "since the canary was heard", readings.canaryAgeSeconds);
      gauge("pubsub_connected", "1 while the link for broadcasts stands", () =>
        Number(readings.isPubsubConnected()),
      );
      gauge("draining", "1 while the gateway drains", () => Number(readings.isDraining()));
    },
  };
}

/** How somebody tried to log in, by the keys of the payload: the label needs no more than a look. */
export function methodOf(text: string): string {
  if (text.includes('"token"')) return "token";
  return text.includes('"invite_token"') ? "invite" : "guest";
}
