/** What `user.update` writes for many accounts at once. */
import type { Transaction } from "./database.ts";
import type { OwnValues } from "./users.ts";

/** One account's new values, and what is kept of them. */
export interface OwnUpdate extends OwnValues {
  id: string;
  commandId: string;
  /** The audit row's data as JSON text; null where the profile stays. */
  audit: string | null;
}

/**
 * Writes the values of accounts that the transaction has locked, with their rows in both logs: one statement.
 *
 * @param updates of one account each
 * @returns the versions of the accounts now, by id
 * @throws a duplicate when one of the commands has run before
 */
export async function writeOwnUpdates(
  tx: Transaction,
  world: string,
  updates: readonly OwnUpdate[],
): Promise<Map<string, number>> {
  const rows = await tx<{ id: string; version: number }[]>`
    with n as materialized (
      select * from unnest(
        ${updates.map(({ id }) => id)}::uuid[], ${updates.map(({ commandId }) => commandId)}::text[],
        ${updates.map(({ position }) => position)}::text[], ${updates.map(({ profile }) => profile)}::text[],
        ${updates.map((update) => update.client_state)}::text[],
        ${updates.map(({ changed }) => Number(changed))}::int[], ${updates.map(({ audit }) => audit)}::text[]
      ) as n (id, command_id, position, profile, client_state, versions, audit)
    ), written as (
      update users u set
        profile = coalesce(n.profile::jsonb, u.profile),
        profile_position = case when n.profile is null then u.profile_position else n.position end,
        client_state = coalesce(n.client_state::jsonb, u.client_state),
        client_state_position = case when n.client_state is null then u.client_state_position else n.position end,
        version = u.version + n.versions
      from n where u.world_id = ${world} and u.id = n.id
      returning u.id, u.version
    ), audited as (
      insert into audit_log (world_id, actor_id, user_id, event, data, command_id)
      select ${world}, id, id, 'profile', audit::jsonb, command_id from n where audit is not null
    ), logged as (
      insert into command_log (command_id, world_id, user_id, position, answer)
      select command_id, ${world}, id, position, '{"result": {}}' from n
    )
    select id, version::float8 as version from written`;
  return new Map(rows.map(({ id, version }) => [id, version]));
}
