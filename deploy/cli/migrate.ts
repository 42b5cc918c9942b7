/** `foyer migrate`: the database's schema. */
import { kindOf, type Migration, migrate, missingMigrations } from "../../core/migrate.ts";
import { lockModes, locksOf } from "../../core/migration-locks.ts";
import { createLog } from "../../shared/log.ts";
import type { Io } from "./failure.ts";
import { type StoreOptions, withDatabase, withDatabaseUrl } from "./stores.ts";
import { alignRows } from "./table.ts";

interface MigrateOptions extends StoreOptions {
  /** Say what would be applied, and change nothing. */
  plan?: boolean;
  json?: boolean;
}

const UP_TO_DATE = "the schema is up to date\n";

/** Brings the schema to this version and prints what was applied, or with `plan` what would be. */
export async function runMigrate(options: MigrateOptions, io: Io): Promise<number> {
  if (options.plan === true) return await printPlan(options, io);
  const applied = await withDatabaseUrl(io, options, (url) => migrate(url, createLog("silent")));
  if (options.json === true) io.stdout.write(`${JSON.stringify({ applied })}\n`);
  else io.stdout.write(applied.map((name) => `applied ${name}\n`).join("") || UP_TO_DATE);
  return 0;
}

async function printPlan(options: MigrateOptions, io: Io): Promise<number> {
  const missing = await withDatabase(io, options, (sql) => missingMigrations(sql));
  const pending = missing.map(planned);
  if (options.json === true) io.stdout.write(`${JSON.stringify({ pending })}\n`);
  else if (pending.length === 0) io.stdout.write(UP_TO_DATE);
  else {
    const rows = pending.map(({ name, kind, locks, unknown }) => [
      name,
      kind,
      [
        ...locks.map(({ table, mode, waits }) => `${table}: ${waits} wait (${mode})`),
        ...unknown.map((statement) => `look at: ${statement}`),
      ].join("; ") || "nobody waits",
    ]);
    io.stdout.write(alignRows([["migration", "kind", "meanwhile"], ...rows]));
  }
  return 0;
}

function planned(migration: Migration) {
  const { locks, unknown } = locksOf(migration.sql);
  return {
    name: migration.name,
    kind: kindOf(migration),
    locks: locks.map((lock) => ({ ...lock, waits: lockModes[lock.mode] })),
    unknown,
  };
}
