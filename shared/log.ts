/** JSON log lines. A constant message, values as fields; never a token, a secret, or a whole address. */
import pino, { type Logger } from "pino";

export type { Logger };

/**
 * @param level `FOYER_LOG_LEVEL`
 * @param fields on every line: the node and its role
 */
export function createLog(level: string, fields: Record<string, unknown> = {}): Logger {
  return pino({
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    messageKey: "event",
    serializers: { error: pino.stdSerializers.err },
  });
}
