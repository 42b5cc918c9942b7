/** What `user.update` writes, for many accounts at once. */
import type { Queryable } from "./database.ts";
import { type RawRow, toUsers, userColumns } from "./user-columns.ts";
import type { UserRow } from "./users.ts";

/** One account's new values, and what they are written for. */
export interface OwnUpdate {
  /** The account as it is taken to be: what its permissions depend on is looked at again under its lock. */
  known: UserRow;
  /** With which version of the account its connection logged in; null: not known. */
  loginVersion: number | null;
  commandId: string;
  position: string;
  /** JSON text, or null: keep. */
  profile: string | null;
  client_state: string | null;
}

/** An account that was written. */
export interface OwnUpdated {
  /** As it was, but for its version. */
  row: UserRow;
  /** Whether a client sees a difference. */
  changed: boolean;
  /** Which values were written: what entered the stream before the value that is there changes nothing. */
  wroteProfile: boolean;
  wroteClientState: boolean;
}

/**
 * Locks these accounts, each on whose permissions nothing has changed, writes their values and their rows in the audit
 * log, and where it is asked for those in the command log: one statement. Left alone is whatever stands in the way: an
 * account that somebody else has locked, that is not as it is known, or that has newer values already.
 *
 * @param updates of one account each, permitted by what is known of it
 * @param isLogged whether the commands are to be logged here
 * @returns those that were written, by id
 * @throws a duplicate when one of the commands is logged already
 */
export async function writeOwnUpdates(
  sql: Queryable,
  world: string,
  updates: readonly OwnUpdate[],
  isLogged: boolean,
): Promise<Map<string, OwnUpdated>> {
  const logged = sql`, logged as (
    insert into command_log (command_id, world_id, user_id, position, answer)
    select command_id, ${world}, id, position, '{"result": {}}' from decided
  )`;
  const rows = await sql<(RawRow & Omit<OwnUpdated, "row">)[]>`
    with asked as materialized (
      select * from unnest(
        ${updates.map(({ known }) => known.id)}::uuid[], ${updates.map(({ commandId }) => commandId)}::text[],
        ${updates.map(({ position }) => position)}::text[], ${updates.map(({ profile }) => profile)}::text[],
        ${updates.map((update) => update.client_state)}::text[], ${updates.map(subjectOf)}::text[],
        ${updates.map(({ loginVersion }) => loginVersion)}::float8[]
      ) as n (id, command_id, position, profile, client_state, subject, login_version)
    ), locked as materialized (
      select ${userColumns(sql)}, u.profile as profile_there, u.client_state as client_state_there,
        u.profile_position, u.client_state_position, u.cut_off_version
      from users u
      where u.world_id = ${world} and u.id = any(${updates.map(({ known }) => known.id)}::uuid[])
      order by u.id for no key update of u skip locked
    ), given as (
      select l.*, n.command_id, n.position,
        case when l.profile_position < n.position then n.profile::jsonb end as profile_given,
        case when l.client_state_position < n.position then n.client_state::jsonb end as client_state_given
      from locked l join asked n on n.id = l.id
      where not l.deleted and coalesce(n.login_version >= l.cut_off_version, true)
        and jsonb_build_array(l.type, l.moderation_state, l.traits, l.world_roles, l.room_roles) = n.subject::jsonb
    ), decided as materialized (
      select *, coalesce(profile_given <> profile_there, false) as profile_changes,
        coalesce(client_state_given <> client_state_there, false) as client_state_changes
      from given where profile_given is not null or client_state_given is not null
    ), written as (
      update users u set
        profile = coalesce(d.profile_given, u.profile),
        profile_position = case when d.profile_given is null then u.profile_position else d.position end,
        client_state = coalesce(d.client_state_given, u.client_state),
        client_state_position =
          case when d.client_state_given is null then u.client_state_position else d.position end,
        version = u.version + (d.profile_changes or d.client_state_changes)::int
      from decided d where u.world_id = ${world} and u.id = d.id
      returning d.id, d.type, d.client_id, d.token_id, d.pretalx_id, d.profile, d.client_state, d.traits,
        d.moderation_state, d.traits_position, d.last_login_at, d.deleted, d.world_roles, d.room_roles,
        u.version::float8 as version, d.profile_changes or d.client_state_changes as changed,
        d.profile_given is not null as "wroteProfile", d.client_state_given is not null as "wroteClientState"
    ), audited as (
      insert into audit_log (world_id, actor_id, user_id, event, data, command_id)
      select ${world}, id, id, 'profile',
        jsonb_build_object('old', profile_there, 'new', profile_given, 'by_admin', false), command_id
      from decided where profile_changes
    )${isLogged ? logged : sql``}
    select * from written`;
  return new Map(
    rows.map(({ changed, wroteProfile, wroteClientState, ...raw }) => {
      const row = toUsers([raw as RawRow])[0]!;
      return [row.id, { row, changed, wroteProfile, wroteClientState }];
    }),
  );
}

/** What permissions depend on (`core/permissions.ts`), as the statement compares it; no roles are null there. */
function subjectOf({ known }: OwnUpdate): string {
  const { type, moderation_state: state, traits, world_roles: onWorld, room_roles: onRooms } = known;
  const roles = [onWorld, onRooms].map((list) => (list.length === 0 ? null : list));
  return JSON.stringify([type, state, traits, ...roles]);
}
