/** The connection pool to Postgres, and the names of the failures that have a known meaning. */
import postgres from "postgres";
import type { Logger } from "../../shared/log.ts";
import { createWatchedLinks } from "./watched-links.ts";

/** The pool. */
export type Sql = postgres.Sql;

/** The pool, or a transaction of it: statements that are fine in either take this. */
export type Queryable = postgres.ISql;

/** A transaction. */
export type Transaction = postgres.TransactionSql;

interface DatabaseOptions {
  /** Connections at the most. */
  max?: number;
  log: Logger;
  /**
   * How long an answer may take before its link counts as dead. A statement that takes nearly as long is canceled
   * by the server, and so is a transaction that stands still: nobody waits for its locks for longer.
   */
  silenceMs?: number;
}

/** A server that lives says so, by its cancel at the latest, so much before its silence counts as death. */
const CANCEL_BEFORE_MS = 1_000;

/** Opens a pool; connections are made as they are needed and made again when they break. */
export function connectDatabase(url: string, options: DatabaseOptions): Sql {
  const { silenceMs } = options;
  const statementMs = silenceMs === undefined ? 30_000 : silenceMs - CANCEL_BEFORE_MS;
  return postgres(url, {
    ...(silenceMs === undefined ? {} : { socket: createWatchedLinks(silenceMs) }),
    max: options.max ?? 10,
    connect_timeout: 2,
    // Reconnecting is paced by whoever retries; the driver's own waits grow to minutes.
    backoff: false,
    onnotice: (notice) => options.log.debug({ notice: notice.message }, "postgres notice"),
    connection: {
      application_name: "foyer",
      statement_timeout: statementMs,
      idle_in_transaction_session_timeout: statementMs,
    },
  } as postgres.Options<Record<string, never>>);
}

/** SQLSTATEs that mean something to us. */
const sqlStates = {
  serializationFailure: "40001",
  deadlockDetected: "40P01",
  queryCanceled: "57014",
  uniqueViolation: "23505",
} as const;

/** The driver's own codes for a link that is gone, and the system's. */
const linkCodes = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  // 57P01–57P03: the server is shutting down or starting; 53300: it has no connection to spare; 25006: it is a
  // standby for the moment; 25P03: it ended a transaction that stood still, as after this process was stopped.
  "57P01",
  "57P02",
  "57P03",
  "53300",
  "25006",
  "25P03",
]);

const codeOf = (error: unknown) => String((error as { code?: unknown } | null)?.code ?? "");

/** Whether the transaction lost against another one and may simply be run again. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === sqlStates.serializationFailure || code === sqlStates.deadlockDetected;
}

/** Whether a value is another row's already. */
export function isDuplicate(error: unknown): boolean {
  return codeOf(error) === sqlStates.uniqueViolation;
}

/** Whether Postgres could not be reached, or not in time: what was asked may or may not have happened. */
export function isDatabaseAway(error: unknown): boolean {
  const code = codeOf(error);
  return linkCodes.has(code) || code.startsWith("08") || code === sqlStates.queryCanceled;
}

/**
 * Keeps this process alive where a link breaks while the driver asks on it for the server's types: it does that by
 * itself on every new link, and nobody can catch its failure. Whoever waits for the link is told, and tries again.
 */
export function surviveLostLinks(log: Logger): void {
  process.on("unhandledRejection", (error) => {
    if (!isDatabaseAway(error)) throw error;
    log.warn({ reason: (error as Error).message }, "a link to Postgres broke as it was made");
  });
}
