/**
 * Brings a database to this version's schema: numbered plain SQL files, forward only, each in a transaction of
 * its own. An advisory lock makes it safe to run twice at once.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { backoffMs } from "../shared/backoff.ts";
import type { Logger } from "../shared/log.ts";
import { connectDatabase, isConflict, isLocked, type Sql } from "./sql/database.ts";

/** One file of `migrations/`. */
export interface Migration {
  number: number;
  name: string;
  sql: string;
}

/** Whether the version before can run beside what a migration brings: what its first line says. */
export function kindOf({ sql }: Migration): "expand" | "contract" {
  return sql.startsWith("-- contract\n") ? "contract" : "expand";
}

/** Any number that nobody else on the database uses: "foyer" as bytes. */
const LOCK = 0x666f796572;

/** Longest that a migration waits for a table, and with it everybody who comes after. */
const LOCK_MS = 500;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;
/** A transaction that long keeps every migration out: it has to be looked for. */
const GIVE_UP_MS = 120_000;

const folder = new URL("./migrations/", import.meta.url);

/** All migrations of this version, in order. */
export function listMigrations(): Migration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => {
      const [, number] = /^(\d{4})-[a-z0-9-]+\.sql$/.exec(file) ?? [];
      if (number === undefined) throw new Error(`${file}: a migration is called 0001-what-it-is-about.sql`);
      return {
        number: Number(number),
        name: file.replace(/\.sql$/, ""),
        sql: readFileSync(new URL(file, folder), "utf8"),
      };
    });
}

/**
 * Applies what is missing.
 *
 * @param migrations those of this version
 * @returns the names of the migrations that were applied
 * @throws Error of Postgres, with code 55P03 when a table was in use by others all the time
 */
export async function migrate(
  databaseUrl: string,
  log: Logger,
  migrations: readonly Migration[] = listMigrations(),
): Promise<string[]> {
  const sql = connectDatabase(databaseUrl, { max: 1, log });
  try {
    // An index over millions of rows takes longer than any command may.
    await sql`set statement_timeout = 0`;
    // Another migration's end is waited for, however long it takes.
    await sql`set lock_timeout = 0`;
    await sql`select pg_advisory_lock(${LOCK})`;
    await sql`
      create table if not exists migrations (
        number integer primary key,
        name text not null,
        applied_at timestamptz not null default now()
      )`;
    const missing = await missingMigrations(sql, migrations);
    for (const migration of missing) {
      await apply(sql, migration, log);
      log.info({ migration: migration.name }, "migrated");
    }
    return missing.map((migration) => migration.name);
  } finally {
    await sql.end();
  }
}

/**
 * Applies one migration. A table that running nodes use it gets in a moment or not now: whoever waits for an
 * exclusive lock has everybody behind it wait too.
 */
async function apply(sql: Sql, { number, name, sql: text }: Migration, log: Logger): Promise<void> {
  const end = performance.now() + GIVE_UP_MS;
  for (let attempt = 0; ; attempt++) {
    try {
      await sql.begin(async (tx) => {
        await tx.unsafe(`set local lock_timeout = ${LOCK_MS}`);
        await tx.unsafe(text);
        await tx`insert into migrations (number, name) values (${number}, ${name})`;
      });
      return;
    } catch (error) {
      if (!(isLocked(error) || isConflict(error)) || performance.now() > end) throw error;
      log.info({ migration: name, attempt }, "a table is in use: trying again");
    }
    await sleep(backoffMs(attempt, FIRST_PAUSE_MS, LAST_PAUSE_MS));
  }
}

/** The migrations that the database does not have yet. Changes nothing. */
export async function missingMigrations(
  sql: Sql,
  migrations: readonly Migration[] = listMigrations(),
): Promise<Migration[]> {
  const [known] = await sql`select to_regclass('migrations') is not null as there`;
  if (known?.there !== true) return [...migrations];
  const rows = await sql<{ number: number }[]>`select number from migrations`;
  const applied = new Set(rows.map((row) => row.number));
  return migrations.filter((migration) => !applied.has(migration.number));
}
