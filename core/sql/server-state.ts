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
