/** An account as every statement reads it. */
import type { Queryable } from "./database.ts";
import type { UserRow } from "./users.ts";

/** SQL for what a `UserRow` is made of, of the table `users` under the name `u`. */
export const userColumns = (sql: Queryable) => sql`
  u.id, u.type, u.client_id, u.token_id, u.pretalx_id, u.profile::text as profile,
  u.client_state::text as client_state, u.traits, u.moderation_state, u.version::float8 as version,
  u.traits_position,
  extract(epoch from u.last_login_at)::float8 * 1000 as last_login_at, u.deleted_at is not null as deleted,
  (select array_agg(g.role order by g.role) from world_grants g
    where g.world_id = u.world_id and g.user_id = u.id) as world_roles,
  (select jsonb_agg(jsonb_build_array(g.room_id, g.role) order by g.room_id, g.role) from room_grants g
    where g.world_id = u.world_id and g.user_id = u.id) as room_roles`;

/** A row as it crosses the wire. */
export type RawRow<Row = UserRow> = Omit<Row, "world_roles" | "room_roles"> & {
  world_roles: string[] | null;
  room_roles: [string, string][] | null;
};

/**
 * Makes rows of them. Nearly nobody has explicit grants: null crosses the wire for them, and becomes an empty list here.
 */
export function toUsers<Row extends UserRow = UserRow>(rows: RawRow<Row>[]): Row[] {
  for (const row of rows) {
    row.world_roles ??= [];
    row.room_roles ??= [];
  }
  return rows as unknown as Row[];
}
