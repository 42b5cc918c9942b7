/**
 * Writing commands of one batch in one statement: one turn with Postgres for a hundred of them instead of five for each.
 * Who may write is decided by what the worker knows of them (`account-cache.ts`), and the statement looks again under
 * each account's lock; a command's effect and its log row are one transaction as ever. What has anything in its way is
 * left to be run alone, as if it had not been here: an account that is not as it was known, that somebody else has
 * locked or that stands in the list already, somebody who may not, what has run before. Where the statement fails, all
 * are.
 */
import { Refusal } from "../shared/protocol/errors.ts";
import type { CommandContext, WriteCommand, Written } from "./commands/context.ts";
import { permit } from "./permit.ts";
import type { Sql } from "./sql/database.ts";
import type { UserRow } from "./sql/users.ts";

/** A writing command that may share a statement. */
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
  const { accounts, log } = writes[0]!.context.services;
  try {
    const unknown = [...first.keys()].filter((id) => accounts.get(world, id) === undefined);
    await accounts.read(sql, world, new Map(unknown.map((id) => [id, undefined])));
    const ready = [...first.values()].flatMap((write) => {
      const known = accounts.get(world, write.actor.id)?.row;
      return known !== undefined && mayRun(write, known) ? [{ ...write, known }] : [];
    });
    if (ready.length === 0) return writes.map(() => null);
    const written = await writes[0]!.handler.runTogether(sql, world, ready);
    for (const [i, { actor }] of ready.entries()) {
      done.set(first.get(actor.id)!, written[i]!);
      if (written[i] === null) accounts.delete(world, actor.id);
    }
  } catch (error) {
    // Of a command that has run before, or whatever it is: alone each gets what it deserves.
    log.debug({ error }, "commands are run alone that failed together");
    return writes.map(() => null);
  }
  return writes.map((write) => done.get(write) ?? null);
}

function mayRun({ context, actor }: SharedWrite, known: UserRow): boolean {
  try {
    permit(context, actor.permission, known);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
