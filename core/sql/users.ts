/** Accounts: every statement that reads or writes `users`. */
import type postgres from "postgres";
import { cutOffVersion } from "./cut-off-version.ts";
import type { Queryable, Transaction } from "./database.ts";
import { momentOf, originOf } from "./server-state.ts";
import { type RawRow, toUsers, userColumns } from "./user-columns.ts";

/** A row of `users` with its explicit grants. */
export interface UserRow {
  id: string;
  type: "person" | "kiosk" | "anon";
  client_id: string | null;
  token_id: string | null;
  pretalx_id: string | null;
  /** JSON text as Postgres gives it: it goes to clients unparsed. */
  profile: string;
  client_state: string;
  traits: string[];
  moderation_state: "" | "silenced" | "banned";
  version: number;
  traits_position: string;
  /** ms since the epoch. */
  last_login_at: number | null;
  deleted: boolean;
  /** Roles granted on the world. */
  world_roles: string[];
  /** Roles granted on rooms: room id, role. */
  room_roles: [room: string, role: string][];
}

/** One that is locked, with the places of what it holds (design: later wins), which only writers need. */
export interface LockedUser extends UserRow {
  profile_position: string;
  client_state_position: string;
  moderation_position: string;
  /** Of the last reactivation, whatever came after it. */
  reactivated_position: string;
  pretalx_id_position: string;
  /** Connections that logged in with an older version are cut off, and with them all that they sent. */
  cut_off_version: number;
}

/** By what accounts can be looked up. */
export type UserKey = "id" | "client_id" | "token_id" | "pretalx_id";

/** Accounts of a world by one of their keys, in no order. Ids must be UUIDs. */
export async function selectUsers(
  sql: Queryable,
  world: string,
  key: UserKey,
  values: readonly string[],
): Promise<UserRow[]> {
  const rows = await sql<RawRow[]>`
    select ${userColumns(sql)} from users u
    where u.world_id = ${world} and u.${sql(key)} = any(${values as string[]}::${key === "id" ? sql`uuid[]` : sql`text[]`})`;
  return toUsers(rows);
}

/** A row as it was read. */
export interface KnownUser {
  row: UserRow;
  /** Which transaction wrote it: as long as that is so, it and its grants are as they were. */
  writtenBy: string;
  /** Where that was: of another server, or another world of this name, numbers of transactions say nothing. */
  origin: string;
  /** When it was last found to be so (`selectMoment`). */
  moment: string;
}

/** What a reading found: `null` instead of a row where there is no such account any more. */
export type ReadAnew = { id: string; known: KnownUser | null };

/**
 * Of these accounts those that are not as they are known, as of this statement: nearly all of what is read has been
 * read before, and most of what reading costs is fetching and parsing it. Ids must be UUIDs in lower case.
 *
 * @param known what is known of each; null: nothing
 * @returns those, and the moment of which that is true
 */
export async function selectUsersAnew(
  sql: Queryable,
  world: string,
  known: ReadonlyMap<string, KnownUser | null>,
): Promise<{ moment: string; anew: ReadAnew[] }> {
  const list = [...known.values()];
  const origin = list.find((each) => each !== null)?.origin ?? "";
  const ids = [...known.keys()].join(",");
  // What is known from elsewhere is asked for like what is not known at all.
  const writers = list.map((each) => (each?.origin === origin ? each.writtenBy : "0")).join(",");
  type Found = RawRow & { asked: string | null; written_by: string } & Omit<KnownUser, "row">;
  const rows = await sql<Found[]>`
    with here as materialized (select ${originOf(sql, world)} as origin, ${momentOf(sql)} as moment)
    select here.origin, here.moment, a.* from here left join (
      select k.id as asked, k.written_by, u.xmin::text as "writtenBy", ${userColumns(sql)}
      from unnest(string_to_array(${ids}, ',')::uuid[], string_to_array(${writers}, ',')) as k (id, written_by)
      left join users u on u.world_id = ${world} and u.id = k.id
    ) as a on a."writtenBy" is distinct from a.written_by or here.origin is distinct from ${origin}`;
  const moment = rows[0]!.moment;
  const anew = rows.flatMap(
    ({ asked, written_by: _, moment: __, writtenBy, origin: found, ...raw }): ReadAnew[] => {
      if (asked === null) return [];
      if (raw.id === null) return [{ id: asked, known: null }];
      return [{ id: asked, known: { row: toUsers([raw as RawRow])[0]!, writtenBy, origin: found, moment } }];
    },
  );
  return { moment, anew };
}

/**
 * The same by id, locked until the transaction ends. Always in the order of the ids, so that no two transactions
 * wait for each other; and exclusively, since sharing a lock that is to be raised later is a deadlock.
 */
export async function lockUsers(
  tx: Transaction,
  world: string,
  ids: readonly string[],
): Promise<LockedUser[]> {
  const rows = await tx<RawRow<LockedUser>[]>`
    select ${userColumns(tx)}, u.profile_position, u.client_state_position, u.moderation_position,
      u.reactivated_position, u.pretalx_id_position, u.cut_off_version::float8 as cut_off_version
    from users u
    where u.world_id = ${world} and u.id = any(${ids as string[]}::uuid[])
    order by u.id for no key update of u`;
  return toUsers<LockedUser>(rows);
}

/** An account to make. */
export interface NewUser {
  id: string;
  type: UserRow["type"];
  client_id: string | null;
  token_id: string | null;
  pretalx_id: string | null;
  /** JSON text. */
  profile: string;
  traits: readonly string[];
  /** Position of the login that brings the traits. */
  position: string;
}

/**
 * Makes accounts of people who log in for the first time.
 *
 * @returns the ids that were made, with the pretalx id each got: one that another account has is left out. An id
 *   is missing when another login with the same client id or token was faster, also one of the same list.
 */
export async function insertUsers(
  sql: Queryable,
  world: string,
  users: readonly NewUser[],
): Promise<Map<string, string | null>> {
  const rows = await sql<MadeUser[]>`
    with n as (${newUsers(sql, users.map(toRecord))}) ${insertNew(sql, world, sql`true`)}`;
  return toMade(rows);
}

/**
 * The same, each together with the log row of its command, in one statement: those whose commands have run before
 * are missing too. Their world is compared so that its index, which is of thousands, is never taken for these few.
 */
export async function insertLogins(
  sql: Queryable,
  world: string,
  logins: readonly (NewUser & { commandId: string })[],
): Promise<Map<string, string | null>> {
  const records = logins.map((login) => ({ ...toRecord(login), command_id: login.commandId }));
  const commandIds = logins.map(({ commandId }) => commandId);
  const rows = await sql<MadeUser[]>`
    with n as materialized (${newUsers(sql, records)}), made as (
      ${insertNew(
        sql,
        world,
        sql`n.command_id <> all(array(
          select command_id from command_log
          where command_id = any(${commandIds}) and world_id || '' = ${world} and user_id is not null
        ))`,
      )}
    ), logged as (
      insert into command_log (command_id, world_id, user_id, position, answer)
      select n.command_id, ${world}, n.id, n.position, '{"result": {}}' from made join n using (id)
      on conflict (command_id) do nothing
    )
    select id, pretalx_id from made`;
  return toMade(rows);
}

interface MadeUser {
  id: string;
  pretalx_id: string | null;
}

function toMade(rows: readonly MadeUser[]): Map<string, string | null> {
  return new Map(rows.map((row) => [row.id, row.pretalx_id]));
}

/** SQL for accounts to make, as rows. */
const newUsers = (sql: Queryable, records: readonly ReturnType<typeof toRecord>[]) => sql`
  select * from jsonb_to_recordset(${JSON.stringify(records)}::text::jsonb) as n (
    id uuid, type text, client_id text, token_id text, pretalx_id text, profile jsonb, traits jsonb, position text,
    command_id text
  )`;

/** SQL that makes those of `n` of which a condition holds, in their order. */
const insertNew = (sql: Queryable, world: string, condition: postgres.Fragment) => sql`
  insert into users
    (id, world_id, type, client_id, token_id, pretalx_id, profile, traits, traits_position, last_login_at)
  select n.id, ${world}, n.type, n.client_id, n.token_id,
    case when n.pretalx_id is null or exists (
      select from users o where o.world_id = ${world} and o.pretalx_id = n.pretalx_id
    ) then null else n.pretalx_id end,
    n.profile, array(select jsonb_array_elements_text(n.traits)), n.position, now()
  from n where ${condition}
  on conflict do nothing
  returning id, pretalx_id`;

function toRecord(user: NewUser) {
  const { id, type, client_id, token_id, pretalx_id, traits, position } = user;
  return { id, type, client_id, token_id, pretalx_id, traits, position, profile: JSON.parse(user.profile) };
}

/** A login that changes nothing of its account. */
export interface LoginTouch {
  id: string;
  /** The account's traits are those of its token: their position as the login found it, and its own. */
  traits: { found: string; position: string } | null;
}

/**
 * Sets the last-login time of those who may still log in. A position of the traits moves even where they stay, but
 * not past somebody else's that the login has not seen.
 *
 * @returns the position that the traits had until now, by id: anyone banned or deleted since the caller looked is
 *   missing
 */
export async function touchLogins(
  sql: Queryable,
  world: string,
  touches: readonly LoginTouch[],
): Promise<Map<string, string>> {
  const ids = touches.map(({ id }) => id);
  const found = touches.map(({ traits }) => traits?.found ?? null);
  const positions = touches.map(({ traits }) => traits?.position ?? null);
  const rows = await sql<{ id: string; found: string }[]>`
    with locked as (
      select id, traits_position from users
      where world_id = ${world} and id = any(${ids}::uuid[])
        and moderation_state <> 'banned' and deleted_at is null
      order by id for no key update
    ), latest as (
      select id, found, max(position collate "C") as position
      from unnest(${ids}::uuid[], ${found}::text[], ${positions}::text[]) as t (id, found, position)
      group by id, found
    )
    update users u set last_login_at = now(), traits_position = greatest(locked.traits_position, latest.position)
    from locked left join latest on latest.id = locked.id and latest.found = locked.traits_position
    where u.world_id = ${world} and u.id = locked.id
    returning u.id, locked.traits_position as found`;
  return new Map(rows.map((row) => [row.id, row.found]));
}

/** What a token changes of an account that exists. */
export interface TokenChange {
  traits: readonly string[];
  /** Of the login. */
  position: string;
  /** null: keep. */
  pretalxId: string | null;
}

/** Writes what a login's token says of its account and sets the last-login time. */
export async function updateFromToken(
  tx: Transaction,
  world: string,
  id: string,
  change: TokenChange,
): Promise<void> {
  await tx`
    update users set
      traits = ${change.traits as string[]}, traits_position = greatest(traits_position, ${change.position}),
      pretalx_id = coalesce(pretalx_id, ${change.pretalxId}),
      pretalx_id_position = case when ${change.pretalxId}::text is null then pretalx_id_position
        else ${change.position} end,
      version = version + 1, last_login_at = now()
    where world_id = ${world} and id = ${id}`;
}

/** Whether an account of the world has this pretalx id. */
export async function isPretalxIdTaken(sql: Queryable, world: string, pretalxId: string): Promise<boolean> {
  const rows = await sql`select from users where world_id = ${world} and pretalx_id = ${pretalxId}`;
  return rows.length > 0;
}

/**
 * Writes a profile that was made from the one that is there, under its lock.
 *
 * @param profile JSON text, or null: keep
 * @returns the account's version now, which is a new one either way
 */
export async function updateMergedProfile(
  tx: Transaction,
  world: string,
  id: string,
  values: { profile: string | null; position: string },
): Promise<number> {
  const { profile, position } = values;
  const rows = await tx<{ version: number }[]>`
    update users set
      profile = coalesce(${profile}::text::jsonb, profile),
      profile_position = case when ${profile}::text is null then profile_position else ${position} end,
      version = version + 1
    where world_id = ${world} and id = ${id}
    returning version::float8 as version`;
  return rows[0]!.version;
}

/** Gives an account what an invite to a room gives: the system roles of anonymous users. */
export async function insertInvitedGrants(
  tx: Transaction,
  world: string,
  id: string,
  room: string,
): Promise<void> {
  await tx`insert into world_grants (world_id, user_id, role) values (${world}, ${id}, '__anonymous_world')`;
  await tx`
    insert into room_grants (world_id, user_id, room_id, role)
    values (${world}, ${id}, ${room}, '__anonymous_room')`;
}

/** Accounts of these that are newer than the version somebody has, each with the version below which it is cut off. */
export async function selectNewerUsers(
  sql: Queryable,
  world: string,
  known: readonly (readonly [id: string, version: number])[],
): Promise<(UserRow & Pick<LockedUser, "cut_off_version">)[]> {
  const rows = await sql<RawRow<UserRow & Pick<LockedUser, "cut_off_version">>[]>`
    select ${userColumns(sql)}, ${cutOffVersion(sql)}::float8 as cut_off_version from users u
    join unnest(${known.map(([id]) => id)}::uuid[], ${known.map(([, version]) => version)}::bigint[]) as k (id, version)
      on u.id = k.id and u.version > k.version
    where u.world_id = ${world}`;
  return toUsers(rows);
}

/** When an account came to be, and when it was deleted; ms since the epoch. */
export interface UserTimes {
  created_at: number;
  deleted_at: number | null;
}

/** The times that no command needs, for an operator. */
export async function selectUserTimes(
  sql: Queryable,
  world: string,
  id: string,
): Promise<UserTimes | undefined> {
  const rows = await sql<UserTimes[]>`
    select extract(epoch from created_at)::float8 * 1000 as created_at,
      extract(epoch from deleted_at)::float8 * 1000 as deleted_at
    from users where world_id = ${world} and id = ${id}`;
  return rows[0];
}
