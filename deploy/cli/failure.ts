/** How a command ends when it cannot do its work: what is wrong and what to do, in one line. */

/** What a command reads and writes, and the environment that it goes by. */
export interface Io {
  environment: Readonly<Record<string, string | undefined>>;
  stdin: NodeJS.ReadStream;
  /** Results only: a program may read them. */
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
}

/** It failed; exit status 1. */
export class Failure extends Error {}

/** It was called in a wrong way; exit status 2. */
export class WrongUsage extends Error {}

/** SQLSTATEs that an operator can do something about. */
const databaseFaults: Readonly<Record<string, string>> = {
  "42P01": "the database has no Foyer schema yet: run foyer migrate",
  "42703": "the database has the schema of an older version: run foyer migrate",
  "55P03":
    "a table is in use by a transaction that does not end: look for it in pg_stat_activity, end it, and run this again",
  "3D000": "there is no such database: create it, or correct DATABASE_URL",
  "28000": "Postgres refuses this user: correct DATABASE_URL",
  "28P01": "Postgres refuses this user's password: correct DATABASE_URL",
};

const databaseAway = /^(CONNECT_TIMEOUT|CONNECTION_(CLOSED|ENDED|DESTROYED)|57P0[1-3]|53300)$/;

/** What an error means to the operator. The driver's own words are kept where they are all there is. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code = "" } = error as { code?: string };
  if (error.name === "PostgresError" && databaseFaults[code] !== undefined) return databaseFaults[code];
  // A host with several addresses fails with one error for each, and no message of its own.
  return error.message || (error as AggregateError).errors?.[0]?.message || code || error.name;
}

/** The same for an error that came while working on Postgres: the driver hands on the system's own. */
export function explainDatabase(error: unknown): unknown {
  const { code = "" } = (error ?? {}) as { code?: string };
  const isAway = databaseAway.test(code) || /^E[A-Z_]+$/.test(code);
  if (!isAway || error instanceof Failure) return error;
  return new Failure(
    `Postgres does not answer (${explain(error)}): check that it runs and that DATABASE_URL is right`,
  );
}
