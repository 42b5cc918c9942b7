/** `foyer migrate`: the database's schema. */
import { migrate } from "../../core/migrate.ts";
import { createLog } from "../../shared/log.ts";
import type { Io } from "./failure.ts";
import { type StoreOptions, withDatabaseUrl } from "./stores.ts";

/** Brings the schema to this version and prints what was applied. */
export async function runMigrate(options: StoreOptions, io: Io): Promise<number> {
  const applied = await withDatabaseUrl(io, options, (url) => migrate(url, createLog("silent")));
  const lines = applied.length > 0 ? applied.map((name) => `applied ${name}`) : ["the schema is up to date"];
  io.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}
