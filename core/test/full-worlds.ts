/** Worlds as full as they get, for tests of what the number of accounts does to statements. */
import { createHash } from "node:crypto";
import { positionAt } from "../position.ts";
import type { Sql } from "../sql/database.ts";

const ROOMS = 40;

/** The id of a world's account, from 1; in no order, as ids are. */
export function userId(world: string, number: number): string {
  return toUuid(`${world} ${number}`);
}

/** The id of a world's room, from 1. */
export function roomId(world: string, number: number): string {
  return toUuid(`${world} room ${number}`);
}

function toUuid(text: string): string {
  const hex = createHash("md5").update(text).digest("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * Makes worlds with so many accounts, whose keys are `client_id 5`, `token_id 5` and `pretalx_id 5`; an invite,
 * a grant and a block for each tenth, and a command, an audit row and an account at X for each.
 */
export async function fillWorlds(sql: Sql, accounts: Readonly<Record<string, number>>): Promise<void> {
  for (const [world, count] of Object.entries(accounts)) {
    await sql`insert into worlds (id, settings, roles, trait_grants) values (${world}, '{}', '{}', '{}')`;
    await sql`
      insert into rooms (id, world_id, import_id, position, name)
      select md5(${world} || ' room ' || i)::uuid, ${world}, 'room ' || i, i, 'Room ' || i
      from generate_series(1, ${ROOMS}::int) i`;
    await sql`
      insert into users (id, world_id, client_id, token_id, pretalx_id, traits, profile)
      select md5(${world} || ' ' || i)::uuid, ${world}, 'client_id ' || i, 'token_id ' || i, 'pretalx_id ' || i,
        '{ticket}', jsonb_build_object('display_name', 'Attendee ' || i)
      from generate_series(1, ${count}::int) i`;
    // Not those of number 5, 15, …: an account of a test has to be without.
    await sql`
      insert into world_grants (world_id, user_id, role)
      select ${world}, md5(${world} || ' ' || i)::uuid, 'moderator' from generate_series(10, ${count}::int, 10) i`;
    await sql`
      insert into room_grants (world_id, user_id, room_id, role)
      select ${world}, md5(${world} || ' ' || i)::uuid, md5(${world} || ' room ' || 1 + i / 10 % ${ROOMS})::uuid,
        'speaker'
      from generate_series(10, ${count}::int, 10) i`;
    await sql`
      insert into blocks (world_id, user_id, blocked_id)
      select ${world}, md5(${world} || ' ' || i)::uuid, md5(${world} || ' ' || i - 1)::uuid
      from generate_series(10, ${count}::int, 10) i`;
    await sql`
      insert into tie_positions (world_id, user_id, tie, position)
      select world_id, user_id, jsonb_build_array('block', blocked_id)::text, ${positionAt(Date.now())}
      from blocks where world_id = ${world}`;
    await sql`
      insert into invites (world_id, token, room_id, expires_at)
      select ${world}, 'invite ' || i, md5(${world} || ' room ' || 1 + i % ${ROOMS})::uuid, now() + interval '1 day'
      from generate_series(1, ${count}::int / 10) i`;
    await sql`
      insert into social_accounts (world_id, user_id, network, external_id)
      select ${world}, md5(${world} || ' ' || i)::uuid, 'twitter', i::text from generate_series(1, ${count}::int) i`;
    await sql`
      insert into command_log (command_id, world_id, user_id, position, answer)
      select ${world} || '.' || i, ${world}, md5(${world} || ' ' || i)::uuid,
        lpad((${Date.now()}::bigint - i)::text, 14, '0') || ${positionAt(0).slice(14)}::text, '{"result": {}}'
      from generate_series(1, ${count}::int) i`;
    await sql`
      insert into audit_log (world_id, actor_id, user_id, event)
      select ${world}, md5(${world} || ' ' || i)::uuid, md5(${world} || ' ' || i)::uuid, 'profile'
      from generate_series(1, ${count}::int) i`;
  }
  for (const world of Object.keys(accounts)) await fillGone(sql, world);
  await sql`analyze`;
}

/**
 * Makes one world whose accounts differ in what searching goes by: names of several scripts, a searchable field for
 * each third, the badge Speaker for each 500th, and Guest for half of the others.
 */
export async function fillSearchWorld(sql: Sql, world: string, count: number): Promise<void> {
  const settings = {
    trait_badges_map: { speaker: "Speaker", ticket: "Guest", crew: "Crew" },
    profile_fields: [{ id: "affiliation", searchable: true }, { id: "biography" }],
  };
  await sql`
    insert into worlds (id, settings, roles, trait_grants)
    values (${world}, ${JSON.stringify(settings)}::text::jsonb, '{}', '{}')`;
  await sql`
    insert into users (id, world_id, client_id, traits, profile, last_login_at)
    select md5(${world} || ' ' || i)::uuid, ${world}, 'client_id ' || i,
      case when i % 500 = 0 then '{speaker}' when i % 2 = 0 then '{ticket}' else '{}' end::text[],
      jsonb_build_object(
        'display_name', case when i % 400 = 7 then 'Жук ' || i else
          (array['Anna', 'Bert', 'Chloé', 'Dmitri', 'Eve', 'Farid', 'Grace', 'Hannah', 'Ivan', 'Judy', 'Zoë'])[1 + i % 11]
          || ' ' || (array['Meyer', 'Schmidt', 'O''Neil', 'Garcia', 'Lee'])[1 + i / 11 % 5] || ' ' || i end,
        'fields', jsonb_build_object(
          'biography', 'I like programming', 'affiliation', case when i % 3 = 0 then 'University of ' || i % 50 end)),
      case when i % 2 = 0 then now() end
    from generate_series(1, ${count}::int) i`;
  await fillGone(sql, world);
  await sql`vacuum analyze users, search_entries, search_gone`;
}

/** A tenth of the accounts could not be found for a while, and can be again. */
async function fillGone(sql: Sql, world: string): Promise<void> {
  await sql`
    insert into search_gone (world_id, user_id)
    select world_id, id from users where world_id = ${world} order by id limit 10000`;
}
