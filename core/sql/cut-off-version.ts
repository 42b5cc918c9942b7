/** Who is cut off, in statements about accounts. */
import type { Queryable } from "./database.ts";

/**
 * SQL for the version below which the connections of account `u` are cut off: its last ban's or silence's, or its
 * deletion's, after which its version stays.
 */
export const cutOffVersion = (sql: Queryable) => sql`
  (case when u.deleted_at is null then u.cut_off_version else u.version end)`;
