/** What a call, or a login, is rejected with. */
import type { ErrorBody, ErrorCode } from "../protocol/errors.ts";

/**
 * Codes that the client itself gives: `client.timeout`, nobody knows whether the command took effect;
 * `client.closed`, the client has ended, and what was under way may have taken effect.
 */
export type ClientCode = "client.timeout" | "client.closed";

/** A refusal, by the server or by the client itself. Decide by the code: texts may change. */
export class CommandError extends Error {
  readonly code: ErrorCode | ClientCode;
  readonly details: unknown;

  constructor(code: ErrorCode | ClientCode, message: string = code, details?: unknown) {
    super(message);
    this.name = "CommandError";
    this.code = code;
    this.details = details;
  }
}

/** The error of an answer, out of a frame. */
export function commandError(body: unknown): CommandError {
  const { code = "server.fatal", message, details } = (body ?? {}) as Partial<ErrorBody>;
  return new CommandError(code, message, details);
}

/** Answers to a login that say "later", not "no". */
const later: ReadonlySet<string> = new Set([
  "server.timeout",
  "server.overloaded",
  "protocol.rate_limited",
] satisfies ErrorCode[]);

/** Whether a login that was answered so may be tried again, with the same login. */
export function isLater({ code }: CommandError): boolean {
  return later.has(code);
}

/** How long the server asks to wait; 0 where it says nothing of it. */
export function retryAfterMs({ details }: CommandError): number {
  const { retry_after_ms: ms } = (details ?? {}) as { retry_after_ms?: unknown };
  return typeof ms === "number" && ms > 0 ? ms : 0;
}
