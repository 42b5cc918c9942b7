/** What moderators write to accounts. */
import { cutOffVersion } from "./cut-off-version.ts";
import type { Queryable, Transaction } from "./database.ts";
import { deleteTiePositions } from "./tie-positions.ts";
import type { LockedUser } from "./users.ts";

/** What a moderator's command leaves behind: the state, and the places that order the next (`moderation-order.ts`). */
export type Moderation = Pick<
  LockedUser,
  "moderation_state" | "moderation_position" | "reactivated_position"
>;

/**
 * Writes a moderation state. The positions move even where the state stays, and whoever is banned or silenced once more
 * is cut off once more.
 *
 * @returns the account's version now
 */
export async function updateModeration(
  tx: Transaction,
  world: string,
  id: string,
  moderation: Moderation,
): Promise<number> {
  const { moderation_state: state, moderation_position, reactivated_position } = moderation;
  const raised = tx`version + case when moderation_state = ${state} then 0 else 1 end`;
  const rows = await tx<{ version: number }[]>`
    update users set
      moderation_state = ${state}, moderation_position = ${moderation_position},
      reactivated_position = ${reactivated_position},
      cut_off_version = case when ${state} = '' then cut_off_version else ${raised} end, version = ${raised}
    where world_id = ${world} and id = ${id}
    returning version::float8 as version`;
  return rows[0]!.version;
}

/** Empties an account for good: what logged in to it makes a new one from now on. */
export async function markDeleted(
  tx: Transaction,
  world: string,
  id: string,
  position: string,
): Promise<void> {
  await tx`
    update users set
      deleted_at = now(), client_id = null, token_id = null, pretalx_id = null, traits = '{}',
      profile = '{}', profile_position = ${position},
      client_state = '{}', client_state_position = ${position}, version = version + 1
    where world_id = ${world} and id = ${id}`;
}

/** Removes all that ties a deleted account to others: its row stays, so that no foreign key does it. */
export async function deleteTies(tx: Transaction, world: string, id: string): Promise<void> {
  await Promise.all([
    tx`delete from world_grants where world_id = ${world} and user_id = ${id}`,
    tx`delete from room_grants where world_id = ${world} and user_id = ${id}`,
    tx`delete from social_accounts where world_id = ${world} and user_id = ${id}`,
    tx`delete from blocks where world_id = ${world} and user_id = ${id}`,
    tx`delete from blocks where world_id = ${world} and blocked_id = ${id}`,
    deleteTiePositions(tx, world, id),
  ]);
}

/** What an administrator writes; null: keep. Positions move even where the value stays. */
export interface AdminValues {
  /** JSON text. */
  profile: string | null;
  client_state: string | null;
  /** "" takes it away. */
  pretalx_id: string | null;
  position: string;
  /** Whether a client sees a difference. */
  changed: boolean;
}

/**
 * Writes somebody's values.
 *
 * @returns the account's version now
 */
export async function updateByAdmin(
  tx: Transaction,
  world: string,
  id: string,
  values: AdminValues,
): Promise<number> {
  const { profile, client_state: clientState, pretalx_id: pretalxId, position } = values;
  const rows = await tx<{ version: number }[]>`
    update users set
      profile = coalesce(${profile}::text::jsonb, profile),
      profile_position = case when ${profile}::text is null then profile_position else ${position} end,
      client_state = coalesce(${clientState}::text::jsonb, client_state),
      client_state_position = case when ${clientState}::text is null then client_state_position else ${position} end,
      pretalx_id = nullif(coalesce(${pretalxId}, pretalx_id), ''),
      pretalx_id_position = case when ${pretalxId}::text is null then pretalx_id_position else ${position} end,
      version = version + ${values.changed ? 1 : 0}
    where world_id = ${world} and id = ${id}
    returning version::float8 as version`;
  return rows[0]!.version;
}

/** Makes a kiosk's account; false when the world has an account of this id. */
export async function insertKiosk(
  tx: Transaction,
  world: string,
  id: string,
  profile: string,
  position: string,
): Promise<boolean> {
  const rows = await tx`
    insert into users (id, world_id, type, profile, profile_position)
    values (${id}, ${world}, 'kiosk', ${profile}::text::jsonb, ${position})
    on conflict do nothing returning id`;
  if (rows.length === 0) return false;
  await tx`insert into world_grants (world_id, user_id, role) values (${world}, ${id}, '__kiosk')`;
  return true;
}

/**
 * Of these accounts those that were banned, silenced or deleted since the version somebody has, also where that is
 * lifted by now; each with the version below which its connections are cut off.
 */
export async function selectCutOff(
  sql: Queryable,
  world: string,
  known: readonly (readonly [id: string, version: number])[],
): Promise<[id: string, version: number][]> {
  const rows = await sql<{ id: string; below: number }[]>`
    select u.id, ${cutOffVersion(sql)}::float8 as below from users u
    join unnest(${known.map(([id]) => id)}::uuid[], ${known.map(([, version]) => version)}::bigint[]) as k (id, version)
      on u.id = k.id and ${cutOffVersion(sql)} > k.version
    where u.world_id = ${world}`;
  return rows.map(({ id, below }) => [id, below]);
}
