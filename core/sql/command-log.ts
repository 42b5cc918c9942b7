/** The log of writing commands, which makes each take effect once (docs/architecture.md). */
import type { Queryable, Transaction } from "./database.ts";

/** A writing command as it is logged. */
export interface LoggedCommand {
  commandId: string;
  world: string;
  user: string | null;
  position: string;
}

/** What was answered: JSON of a result, or an error object. */
export type RecordedAnswer = { result: unknown } | { error: unknown };

/** Logs a command in the transaction of its effect; false when it is there already. */
export async function insertCommand(
  tx: Transaction,
  command: LoggedCommand,
  answer: RecordedAnswer,
): Promise<boolean> {
  const rows = await tx`
    insert into command_log (command_id, world_id, user_id, position, answer)
    values (${command.commandId}, ${command.world}, ${command.user}, ${command.position},
      ${JSON.stringify(answer)}::text::jsonb)
    on conflict (command_id) do nothing returning command_id`;
  return rows.length > 0;
}

/** What was answered to a command. */
export async function selectAnswer(
  sql: Queryable,
  world: string,
  commandId: string,
): Promise<RecordedAnswer | undefined> {
  const rows = await sql<{ answer: RecordedAnswer }[]>`
    select answer from command_log where command_id = ${commandId} and world_id = ${world}`;
  return rows[0]?.answer;
}

/** The greatest position that the database knows, of any world; "" when it knows none. */
export async function selectGreatestPosition(sql: Queryable): Promise<string> {
  const rows = await sql<{ position: string | null }[]>`select max(position) as position from command_log`;
  return rows[0]?.position ?? "";
}

/**
 * Forgets commands from before a position, whatever their world; the newest stays, since it alone tells how far
 * the streams had come.
 *
 * @returns how many were forgotten
 */
export async function pruneCommands(sql: Queryable, before: string, limit: number): Promise<number> {
  const result = await sql`
    delete from command_log where ctid = any(array(
      select ctid from command_log
      where position < ${before} and position < (select max(position) from command_log)
      order by position limit ${limit}
    ))`;
  return result.count;
}
