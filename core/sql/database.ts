/** The connection pool to Postgres, and the names of the failures that have a known meaning. */
import postgres from "postgres";
import type { Logger } from "../../shared/log.ts";

/** The pool. */
export type Sql = postgres.Sql;

/** The pool, or a transaction of it: statements that are fine in either take this. */
export type Queryable = postgres.ISql;

/** A transaction. */
export type Transaction = postgres.TransactionSql;

/**
 * Opens a pool; connections are made as they are needed and made again when they break.
 *
 * @param max connections at the most
 */
export function connectDatabase(url: string, options: { max?: number; log: Logger }): Sql {
  return postgres(url, {
    max: options.max ?? 10,
    connect_timeout: 5,
    // Reconnecting is paced by whoever retries; the driver's own waits grow to minutes.
    backoff: false,
    onnotice: (notice) => options.log.debug({ notice: notice.message }, "postgres notice"),
    connection: {
      application_name: "foyer",
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 30_000,
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
