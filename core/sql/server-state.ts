/** What the server says about itself. */
import type { Queryable } from "./database.ts";

/** Whether nothing can be written: it is a standby, or told to let nobody write. */
export async function selectIsReadOnly(sql: Queryable): Promise<boolean> {
  const [row] = await sql<{ transaction_read_only: string }[]>`show transaction_read_only`;
  return row?.transaction_read_only === "on";
}
