/**
 * Writing commands of one batch in one transaction: four turns with Postgres for a hundred of them instead of five for
 * each. Nothing else is different: every actor is checked under its lock, and a command's effect and its log row are
 * one transaction. What has anything in its way is left to be run alone, as if it had not been here: an account
 * that somebody else has locked or that stands in the list already, somebody who may not, what has run before. Where
 * the transaction fails, all are.
 */
import { Refusal } from "../shared/protocol/errors.ts";
import type { CommandContext, WriteCommand, WriteContext, Written } from "./commands/context.ts";
import { permitWriter } from "./permit.ts";
import type { Sql } from "./sql/database.ts";
import { type LockedUser, lockUsers } from "./sql/users.ts";

/** A writing command that may share a transaction. */
export interface SharedWrite {
  handler: WriteCommand<unknown> & Required<Pick<WriteCommand<unknown>, "runTogether">>;
  context: CommandContext;
  actor: { id: string; permission: string };
  body: unknown;
}

/**
 * Runs commands of one kind and world.
 *
 * @returns what each did; null: it has done nothing, and is to be run alone
 */
export async function runTogether(
  sql: Sql,
  world: string,
  writes: readonly SharedWrite[],
): Promise<(Written | null)[]> {
  const first = new Map(writes.toReversed().map((write) => [write.actor.id, write]));
  const done = new Map<SharedWrite, Written | null>();
  try {
    await sql.begin(async (tx) => {
      const rows = await lockUsers(tx, world, [...first.keys()], "skip");
      const locked = new Map(rows.map((row) => [row.id, row]));
      const ready = rows.flatMap((actor) => {
        const write = first.get(actor.id)!;
        const context = mayRun(write, actor) && Object.assign(write.context, { actor, tx, locked });
        return context ? [{ write, context: context as WriteContext, body: write.body }] : [];
      });
      if (ready.length === 0) return;
      const written = await writes[0]!.handler.runTogether(tx, world, ready);
      for (const [i, { write }] of ready.entries()) done.set(write, written[i]!);
    });
  } catch (error) {
    // Of a command that has run before, or whatever it is: alone each gets what it deserves.
    writes[0]!.context.services.log.debug({ error }, "commands are run alone that failed together");
    return writes.map(() => null);
  }
  return writes.map((write) => done.get(write) ?? null);
}

function mayRun({ context, actor }: SharedWrite, row: LockedUser): boolean {
  try {
    permitWriter(context, actor.permission, row);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
