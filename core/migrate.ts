/**
 * Brings a database to this version's schema: numbered plain SQL files, forward only, each in a transaction of
 * its own. An advisory lock makes it safe to run twice at once.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Logger } from "../shared/log.ts";
import { connectDatabase, type Sql } from "./sql/database.ts";

/** One file of `migrations/`. */
export interface Migration {
  number: number;
  name: string;
  sql: string;
}

/** Any number that nobody else on the database uses: "foyer" as bytes. */
const LOCK = 0x666f796572;

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
 * @returns the names of the migrations that were applied
 */
export async function migrate(databaseUrl: string, log: Logger): Promise<string[]> {
  const sql = connectDatabase(databaseUrl, { max: 1, log });
  try {
    // An index over millions of rows takes longer than any command may.
    await sql`set statement_timeout = 0`;
    await sql`select pg_advisory_lock(${LOCK})`;
    const missing = await missingMigrations(sql);
    for (const migration of missing) {
      await sql.begin(async (tx) => {
        await tx.unsafe(migration.sql);
        await tx`insert into migrations (number, name) values (${migration.number}, ${migration.name})`;
      });
      log.info({ migration: migration.name }, "migrated");
    }
    return missing.map((migration) => migration.name);
  } finally {
    await sql.end();
  }
}

/** The migrations that the database does not have yet. */
export async function missingMigrations(sql: Sql): Promise<Migration[]> {
  await sql`
    create table if not exists migrations (
      number integer primary key,
      name text not null,
      applied_at timestamptz not null default now()
    )`;
  const rows = await sql<{ number: number }[]>`select number from migrations`;
  const applied = new Set(rows.map((row) => row.number));
  return listMigrations().filter((migration) => !applied.has(migration.number));
}
