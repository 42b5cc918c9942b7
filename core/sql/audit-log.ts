/** The audit log: who did what to whom, written in the transaction of the change. */
import type { Queryable } from "./database.ts";

/** What happened. */
export type AuditEvent = "traits" | "profile" | "pretalx_id" | "blocked" | "unblocked";

/** One row to write. */
export interface AuditRow {
  actor: string | null;
  user: string;
  event: AuditEvent;
  /** JSON text of what changed. */
  data: string;
  commandId: string;
}

/** Writes one row. */
export async function insertAudit(sql: Queryable, world: string, row: AuditRow): Promise<void> {
  await sql`
    insert into audit_log (world_id, actor_id, user_id, event, data, command_id)
    values (${world}, ${row.actor}, ${row.user}, ${row.event}, ${row.data}::text::jsonb, ${row.commandId})`;
}
