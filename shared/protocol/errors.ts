/**
 * Every error code that a client can meet, with when it happens. Codes are stable; the texts are for people.
 * A test holds this table against docs/protocol.md in both directions; docs/asyncapi.json is made from it.
 */
import type { CloseName } from "./close-codes.ts";

/** One row of the table. */
interface ErrorRow {
  /** When a client meets it. */
  when: string;
  /** The text for people that goes with it, where there is one. */
  message?: string;
  /** An example of the details that go with it, where there are any. */
  details?: Readonly<Record<string, string | number>>;
  /** Whether it says nothing about one command, and so never carries an id. */
  withoutId?: true;
  /** How the connection is closed right after. */
  closes?: CloseName;
}

export const errors = {
  "world.unknown_world": {
    when: "the world in the address does not exist",
    withoutId: true,
    closes: "policy",
  },
  "protocol.invalid_message": {
    when: "a frame is not a JSON array of the form [action, payload] or [action, id, payload]",
  },
  "protocol.unauthenticated": { when: "a command other than ping and authenticate before authentication" },
  "protocol.unknown_command": { when: "the namespace is unknown, or authenticate comes a second time" },
  "protocol.denied": { when: "a permission on a room is missing", message: "Permission denied." },
  "protocol.rate_limited": {
    when: "too many commands, failed logins or waiting commands",
    details: { retry_after_ms: 250 },
  },
  "server.timeout": { when: "no worker answered in time: the outcome is unknown, send it again" },
  "server.overloaded": { when: "the command queue is over its limit: nothing was done" },
  "server.fatal": {
    when: "a bug in the server; the log has the details",
    withoutId: true,
    closes: "fatal",
  },
  "connection.replaced": {
    when: "this user opened more connections than the world allows",
    message: "Connection replaced",
    withoutId: true,
    closes: "replaced",
  },
  "auth.missing_id_or_token": { when: "neither a usable token nor a usable client_id" },
  "auth.invalid_token": { when: "the token does not verify, or lacks what it needs" },
  "auth.expired_token": { when: "the token verifies but is past its exp" },
  "auth.missing_token": {
    when: "a client_id where the world admits no guests, or an unknown or expired invite",
  },
  "auth.denied": {
    when: "banned, deleted, not admitted to the world, or lacking a permission",
    message: "Permission denied.",
  },
  "user.unsupported_command": { when: "no such action in the namespace user" },
  "user.invalid_body": {
    when: "the payload has the wrong shape; details name the path and what was expected",
    details: { path: "/profile", expected: "object" },
  },
  "user.not_found": { when: "no such user in this world" },
  "user.ban.self": { when: "banning oneself" },
  "user.silence.self": { when: "silencing oneself" },
  "user.reactivate.self": { when: "reactivating oneself" },
  "user.delete.self": { when: "deleting oneself" },
  "user.block.self": { when: "blocking oneself" },
  "user.unblock.self": { when: "unblocking oneself" },
  "user.social.unknown": { when: "a social network that is not supported" },
  "user.social.disabled": { when: "the network is not enabled in the world, or has no credentials" },
  "user.social.return_url_required": { when: "return_url is missing" },
  "user.social.return_url_invalid": { when: "return_url is not absolute http(s), or of a foreign origin" },
} as const satisfies Record<string, ErrorRow>;

/** A code of the table. */
export type ErrorCode = keyof typeof errors;

/** The codes of one namespace: `server` are the server's fault, `auth` refused logins. */
export function codesOf(namespace: string): ErrorCode[] {
  return (Object.keys(errors) as ErrorCode[]).filter((code) => code.startsWith(`${namespace}.`));
}

/** The error object as a client sees it. */
export interface ErrorBody {
  code: ErrorCode;
  message?: string;
  details?: unknown;
}

/**
 * A refusal: the command was understood and is answered with this code. Anything else that a command throws is
 * a bug and becomes `server.fatal`.
 */
export class Refusal extends Error {
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, details?: unknown) {
    super(code);
    this.name = "Refusal";
    this.code = code;
    this.details = details;
  }
}

/** The error object for a code: the table's message with it, `details` where given. */
export function errorBody(code: ErrorCode, details?: unknown): ErrorBody {
  const row: ErrorRow = errors[code];
  return {
    code,
    ...(row.message === undefined ? {} : { message: row.message }),
    ...(details === undefined ? {} : { details }),
  };
}
