/** What the server says about itself. */
import type { Queryable } from "./database.ts";

/** Whether nothing can be written: it is a standby, or told to let nobody write. */
export async function selectIsReadOnly(sql: Queryable): Promise<boolean> {
  const [row] = await sql<{ transaction_read_only: string }[]>`show transaction_read_only`;
  return row?.transaction_read_only === "on";
}

/**
 * SQL for where a statement runs: another server than before, or another world of that name, of which numbers of
 * transactions say nothing about what is known. null where there is no such world.
 */
export const originOf = (sql: Queryable, world: string) => sql`
  extract(epoch from pg_postmaster_start_time()) || ' ' ||
    (select extract(epoch from w.created_at) from worlds w where w.id = ${world})`;

/** SQL for all that a statement sees: two that see the same are of one moment, however far apart. */
export const momentOf = (sql: Queryable) =>
  sql`extract(epoch from pg_postmaster_start_time()) || ' ' || pg_current_snapshot()`;

/**
 * What a statement sees now: as long as it is the same, nothing has been committed. Of another server it is never the
 * same.
 */
export async function selectMoment(sql: Queryable): Promise<string> {
  const [row] = await sql<{ moment: string }[]>`select ${momentOf(sql)} as moment`;
  return row!.moment;
}
