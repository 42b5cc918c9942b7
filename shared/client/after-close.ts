/** What a client does after its connection ended (protocol: close codes). Pure. */
import { backoffMs } from "../backoff.ts";
import { closeCodes } from "../protocol/close-codes.ts";
import { type CommandError, isLater, retryAfterMs } from "./command-error.ts";

/** How a client comes back. */
export interface ReconnectOptions {
  /** Longest wait after the first failure; it doubles with each. */
  firstMs: number;
  capMs: number;
  /** A gateway that stops sends its clients away together: each waits a random part of this. */
  spreadMs: number;
}

/** What is known of a connection that ended. */
export interface Ended {
  code: number;
  /** What the login was answered with; null: it was not refused. */
  refusal: CommandError | null;
  /** How many ended so before this one, without a steady one between. */
  failures: number;
}

/** What to do now. Only `again` leads to another connection by itself. */
export type Next =
  | { kind: "again"; waitMs: number; resend: boolean }
  /** The page is to be loaded anew: connecting from the old one takes a word of the caller. */
  | { kind: "pause" }
  | { kind: "end" };

/** Codes after which coming back changes nothing, or would drive out whom it was replaced by. */
const finalCodes: ReadonlySet<number> = new Set([
  closeCodes.policy,
  closeCodes.unacceptable,
  closeCodes.replaced,
]);

/** Decides. @param reconnect false: the first end is the last */
export function afterClose(
  { code, refusal, failures }: Ended,
  reconnect: ReconnectOptions | false,
  random = Math.random(),
): Next {
  // A bug of the server says nothing about the login.
  const isRefused = refusal !== null && refusal.code !== "server.fatal" && !isLater(refusal);
  if (isRefused || finalCodes.has(code)) return { kind: "end" };
  if (code === closeCodes.reload) return { kind: "pause" };
  if (reconnect === false) return { kind: "end" };
  // A frame that is too large is so again.
  const resend = code !== closeCodes.tooBig;
  if (code === closeCodes.restart && failures === 0) {
    return { kind: "again", waitMs: reconnect.spreadMs * random, resend };
  }
  const waitMs = backoffMs(failures, reconnect.firstMs, reconnect.capMs, random);
  return { kind: "again", waitMs: Math.max(waitMs, refusal === null ? 0 : retryAfterMs(refusal)), resend };
}
