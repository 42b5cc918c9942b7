/** The audit log: who did what to whom, written in the transaction of the change. */
import type { Queryable, Transaction } from "./database.ts";

/** What happened. */
export type AuditEvent =
  | "traits"
  | "profile"
  | "pretalx_id"
  | "social connected"
  | "granted"
  | "revoked"
  | "banned"
  | "silenced"
  | "reactivated"
  | "deleted";

/** One row to write. */
export interface AuditRow {
  actor: string | null;
  user: string;
  event: AuditEvent;
  /** JSON text of what changed. */
  data: string;
  commandId: string;
}

/**
 * Empties what the log remembers of a deleted account's person. That something happened stays, and so does who
 * moderated whom.
 */
export async function redactAudit(tx: Transaction, world: string, user: string): Promise<void> {
  await tx`
    update audit_log set data = '{}'
    where world_id = ${world} and user_id = ${user}
      and event not in
        ('banned', 'silenced', 'reactivated', 'deleted', 'blocked', 'unblocked', 'granted', 'revoked')`;
}

/** Writes one row. */
export async function insertAudit(sql: Queryable, world: string, row: AuditRow): Promise<void> {
  await sql`
    insert into audit_log (world_id, actor_id, user_id, event, data, command_id)
    values (${world}, ${row.actor}, ${row.user}, ${row.event}, ${row.data}::text::jsonb, ${row.commandId})`;
}

/** A row as it is shown. */
export interface AuditEntry {
  /** ms since the epoch. */
  at: number;
  event: string;
  actor_id: string | null;
  data: unknown;
  command_id: string | null;
}

/** What happened to an account, the newest first. */
export async function selectAudit(
  sql: Queryable,
  world: string,
  user: string,
  limit: number,
): Promise<AuditEntry[]> {
  return await sql<AuditEntry[]>`
    select extract(epoch from created_at)::float8 * 1000 as at, event, actor_id, data, command_id
    from audit_log where world_id = ${world} and user_id = ${user} order by id desc limit ${limit}`;
}
