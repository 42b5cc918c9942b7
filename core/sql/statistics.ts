/** What Postgres' planner knows of the tables that grow while people come. */
import type { Queryable } from "./database.ts";

/** Those tables, with the columns that statements look rows up by. Of all columns it would take seconds. */
const lookedUpBy = {
  users: ["world_id", "id", "client_id", "token_id", "pretalx_id", "deleted_at"],
  command_log: ["command_id", "world_id"],
  search_entries: ["world_id", "user_id"],
  audit_log: ["id", "world_id", "user_id", "actor_id"],
} as const;

/** One of them. */
export type GrowingTable = keyof typeof lookedUpBy;

/** Below so many pages it makes no difference; beyond so many, autovacuum comes in time. */
const FEWEST_PAGES = 8;
const MOST_PAGES = 20_000;

/** Those that have more than twice the pages that the planner's statistics are of. */
export async function selectOutgrownTables(sql: Queryable): Promise<GrowingTable[]> {
  const rows = await sql<{ name: GrowingTable }[]>`
    select relname as name from pg_class
    where oid = any(${Object.keys(lookedUpBy)}::text[]::regclass[]) and relpages < ${MOST_PAGES}
      and pg_relation_size(oid) > 2 * greatest(relpages, ${FEWEST_PAGES}) * current_setting('block_size')::bigint`;
  return rows.map(({ name }) => name);
}

/** Renews a table's statistics, unless somebody else does. Plans are made anew with them. */
export async function analyzeTable(sql: Queryable, table: GrowingTable): Promise<void> {
  await sql`analyze (skip_locked) ${sql(table)} (${sql(lookedUpBy[table] as unknown as string[])})`;
}
