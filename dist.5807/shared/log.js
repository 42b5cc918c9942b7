/** JSON log lines. A constant message, values as fields; never a token, a secret, or a whole address. */
import pino, {} from "pino";
/**
 * @param level `FOYER_LOG_LEVEL`
 * @param fields on every line: the node and its role
 */
export function createLog(level, fields = {}) {
    return pino({
        level,
        base: fields,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        messageKey: "event",
        serializers: { error: (error) => loggedError(error) },
    });
}
/** Deeper than that, a cause tells nobody anything. */
const MAX_CAUSES = 3;
/**
 * What of an error is logged. Not all that hangs on it: drivers keep with their errors the command that failed, its
 * arguments and the row, and there stand addresses, tokens and whatever clients wrote.
 */
export function loggedError(error, causes = MAX_CAUSES) {
    if (!(error instanceof Error))
        return { type: typeof error };
    const { name, message, stack = "", cause, code } = error;
    const { constraint_name: constraint } = error;
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
//# sourceMappingURL=log.js.map