/** JSON log lines. A constant message, values as fields; never a token, a secret, or a whole address. */
import pino from "pino";
import type { EventOf, FieldsOf, Level } from "./log-events.ts";
import type { Role } from "./redis/keys.ts";

/** Events that have no fields. */
type BareEvent<L extends Level> = {
  [E in EventOf<L>]: object extends FieldsOf<E> ? E : never;
}[EventOf<L>];

/** Writes a line of one level: only what the table (`log-events.ts`) has, with the fields that it has there. */
interface Write<L extends Level> {
  <E extends EventOf<L>>(fields: FieldsOf<E>, event: E): void;
  (event: BareEvent<L>): void;
}

/** What nodes log with. */
export interface Logger {
  error: Write<"error">;
  warn: Write<"warn">;
  info: Write<"info">;
  debug: Write<"debug">;
  child(fields: { node: string; role: Role }): Logger;
  isLevelEnabled(level: Level): boolean;
}

/** @param level `FOYER_LOG_LEVEL` */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: {},
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    messageKey: "event",
    serializers: { error: (error: unknown) => loggedError(error) },
  });
}

/** Deeper than that, a cause tells nobody anything. */
const MAX_CAUSES = 3;

/**
 * What of an error is logged. Not all that hangs on it: drivers keep with their errors the command that failed, its
 * arguments and the row, and there stand addresses, tokens and whatever clients wrote.
 */
export function loggedError(error: unknown, causes = MAX_CAUSES): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack = "", cause, code } = error as Error & { code?: unknown };
  const { constraint_name: constraint } = error as { constraint_name?: unknown };
  // These two say what they met: JSON.parse, and what Postgres calls data exceptions.
  const quotes = error instanceof SyntaxError || (typeof code === "string" && /^22[0-9A-Z]{3}$/.test(code));
  return {
    type: name,
    message: quotes ? message.replace(/".*"/s, '"…"') : message,
    ...(typeof code === "string" ? { code } : {}),
    ...(typeof constraint === "string" ? { constraint } : {}),
    stack: stack.slice(Math.max(0, stack.indexOf("\n    at "))).trim(),
    ...(cause === undefined || causes === 0 ? {} : { cause: loggedError(cause, causes - 1) }),
  };
}
