/** Who wants to know of each command: the log at `debug`, and traces. Mostly nobody, and then there is nothing to call. */

import type { Logger } from "./log.ts";
import type { EventOf, FieldsOf } from "./log-events.ts";
import { version } from "./metrics.ts";
import type { Role } from "./redis/keys.ts";
import type { Settings } from "./settings.ts";
import type { CommandSpan, Tracer } from "./tracing.ts";

/** Is told of a command that has ended on this node; null where nobody wants to know. */
export type CommandReport = ((command: CommandSpan) => void) | null;

interface ReportOptions {
  settings: Settings;
  role: Role;
  node: string;
  log: Logger;
}

/** @returns the report of clients' commands, and what ends it */
export async function startReports({ settings, role, node, log }: ReportOptions) {
  const tracer = await openTracer({ settings, role, node, log });
  const isLogged = log.isLevelEnabled("debug");
  const report: CommandReport = (command) => {
    tracer?.span(command);
    if (isLogged) logCommand(log, role, command);
  };
  return {
    report: tracer === null && !isLogged ? null : report,
    close: async () => await tracer?.close(),
  };
}

async function openTracer({ settings, role, node, log }: ReportOptions): Promise<Tracer | null> {
  const endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return null;
  const { startTracing } = await import("./tracing.ts");
  const headers = settings.OTEL_EXPORTER_OTLP_HEADERS ?? "";
  const share = settings.OTEL_TRACES_SAMPLER_ARG;
  return startTracing({ endpoint, headers, share, role, node, version, log });
}

type Told = EventOf<"debug"> & ("command answered" | "command run");

function logCommand(log: Logger, role: Role, { startedAt, ...command }: CommandSpan): void {
  const event: Told = role === "gateway" ? "command answered" : "command run";
  const fields: FieldsOf<Told> = { ...command, durationMs: Math.round(performance.now() - startedAt) };
  log.debug(fields, event);
}
