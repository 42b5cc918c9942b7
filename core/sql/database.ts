/** The connection pool to Postgres, and the names of the failures that have a known meaning. */
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { backoffMs } from "../../shared/backoff.ts";
import type { Logger } from "../../shared/log.ts";
import type { DatabaseLinks } from "./database-links.ts";

/** The pool. */
export type Sql = postgres.Sql;

/** The pool, or a transaction of it: statements that are fine in either take this. */
export type Queryable = postgres.ISql;

/** A transaction. */
export type Transaction = postgres.TransactionSql;

/** How long what is asked of Postgres may take, in ms; 0 is without end. */
export interface DatabaseLimits {
  connectMs: number;
  statementMs: number;
  /** For one lock: somebody else's transaction may stand still. */
  lockMs: number;
  /** Of a transaction between two statements: what it has locked, nobody else gets. */
  idleInTransactionMs: number;
}

/** Of the command line, which works alone and with much at once. */
const patient: DatabaseLimits = {
  connectMs: 5_000,
  statementMs: 30_000,
  lockMs: 10_000,
  idleInTransactionMs: 30_000,
};

/**
 * Of a worker, all below the time in which a client is answered: a statement that hangs must not keep its
 * connection from the others, and a worker that was stopped in a transaction none of its rows from those that took
 * its commands over.
 */
export const workerLimits: DatabaseLimits = {
  connectMs: 3_000,
  statementMs: 8_000,
  lockMs: 2_000,
  idleInTransactionMs: 5_000,
};

interface DatabaseOptions {
  /** Connections at the most. */
  max?: number;
  limits?: DatabaseLimits;
  /** Where its sockets are entered, to be watched. */
  links?: DatabaseLinks;
  log: Logger;
}

/** Opens a pool; connections are made as they are needed and made again when they break. */
export function connectDatabase(
  url: string,
  { max = 10, limits = patient, links, log }: DatabaseOptions,
): Sql {
  return postgres(url, {
    max,
    connect_timeout: limits.connectMs / 1_000,
    // Reconnecting is paced by whoever retries; the driver's own waits grow to minutes.
    backoff: false,
    // In seconds: a link that nobody uses is noticed when it is dead.
    keep_alive: 5,
    // After a fail-over the address may still lead to a standby for a moment, which could only refuse.
    target_session_attrs: "primary",
    ...(links === undefined ? {} : { socket: (options: never) => links.open(options) }),
    onnotice: (notice) => log.debug({ notice: notice.message ?? "" }, "postgres notice"),
    connection: {
      application_name: "foyer",
      statement_timeout: limits.statementMs,
      lock_timeout: limits.lockMs,
      idle_in_transaction_session_timeout: limits.idleInTransactionMs,
    },
  } as postgres.Options<Record<string, never>>);
}

/** SQLSTATEs that mean something to us. */
const sqlStates = {
  serializationFailure: "40001",
  deadlockDetected: "40P01",
  lockNotAvailable: "55P03",
  uniqueViolation: "23505",
} as const;

/** The driver's own codes for a link that is gone, the system's, and SQLSTATEs of a server that cannot, now. */
const awayCodes = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  // A statement took too long, or a lock: another session holds it.
  "57014",
  sqlStates.lockNotAvailable,
  // The server is shutting down, has crashed, is starting, or closed a session that did nothing.
  "57P01",
  "57P02",
  "57P03",
  "57P05",
  // It is a standby for the moment, or lets nobody write.
  "25006",
  // It ended a transaction that stood still, as after this process was stopped.
  "25P03",
  // Its disk fails.
  "58030",
]);

/** Classes of SQLSTATEs: the link failed; out of connections, memory or disk. */
const awayClasses = new Set(["08", "53"]);

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

/** Whether a lock was not to be had in time. */
export function isLocked(error: unknown): boolean {
  return codeOf(error) === sqlStates.lockNotAvailable;
}

/** Whether Postgres could not be reached, or not in time: what was asked may or may not have happened. */
export function isDatabaseAway(error: unknown): boolean {
  const code = codeOf(error);
  return awayCodes.has(code) || (code.length === 5 && awayClasses.has(code.slice(0, 2)));
}

/** How often what lost against others is tried again, with pauses that grow from the first to the last. */
const MAX_CONFLICTS = 8;
const FIRST_PAUSE_MS = 5;
const LAST_PAUSE_MS = 200;

/**
 * Does something, again where it lost against another transaction: all that writes goes through here.
 *
 * @param run a transaction, or a statement by itself, from its beginning
 * @throws the last conflict when it loses again and again
 */
export async function retryConflicts<T>(run: () => Promise<T>): Promise<T> {
  for (let conflicts = 0; ; conflicts++) {
    try {
      return await run();
    } catch (error) {
      if (!isConflict(error) || conflicts === MAX_CONFLICTS) throw error;
    }
    // Both sides of a deadlock would meet again.
    await sleep(backoffMs(conflicts, FIRST_PAUSE_MS, LAST_PAUSE_MS));
  }
}

/** Runs a transaction, again where it lost against another one. */
export function transact<T>(sql: Sql, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return retryConflicts(() => sql.begin(work) as Promise<T>);
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
