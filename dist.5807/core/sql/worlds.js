/** A world; undefined when there is none. */
export async function selectWorld(sql, world) {
    const rows = await sql `
    select id, version::float8 as version, settings, roles, trait_grants from worlds where id = ${world}`;
    return rows[0];
}
/** The version of a world; undefined when there is none. */
export async function selectWorldVersion(sql, world) {
    const rows = await sql `
    select version::float8 as version from worlds where id = ${world}`;
    return rows[0]?.version;
}
/** A world's rooms, in its order. */
export async function selectRooms(sql, world) {
    return await sql `
    select id, import_id, name, description, picture, pretalx_id, force_join, schedule_data, trait_grants, modules
    from rooms where world_id = ${world} order by position, id`;
}
/** All worlds, for a list. */
export async function selectWorlds(sql) {
    return await sql `
    select w.id, coalesce(w.settings ->> 'title', w.id) as title,
      (select count(*)::int from rooms r where r.world_id = w.id) as rooms,
      (select count(*)::int from users u where u.world_id = w.id and u.deleted_at is null) as users
    from worlds w order by w.id`;
}
/** Puts a world in place, under its id; true when it is new. */
export async function upsertWorld(tx, world, values) {
    // Other searchable fields or badges have every entry of the search made anew.
    await tx `set local statement_timeout = 0`;
    const rows = await tx `
    insert into worlds (id, settings, roles, trait_grants)
    values (${world}, ${JSON.stringify(values.settings)}::text::jsonb, ${JSON.stringify(values.roles)}::text::jsonb,
      ${JSON.stringify(values.traitGrants)}::text::jsonb)
    on conflict (id) do update set settings = excluded.settings, roles = excluded.roles,
      trait_grants = excluded.trait_grants, version = worlds.version + 1, updated_at = now()
    returning version = 1 as created`;
    return rows[0].created;
}
/** Puts a world's rooms in place, matched by import id, in this order; those that are left out go. */
export async function replaceRooms(tx, world, rooms) {
    await tx `delete from rooms where world_id = ${world} and import_id <> all(${rooms.map((room) => room.import_id)})`;
    await tx `
    insert into rooms (world_id, import_id, position, name, description, picture, pretalx_id, force_join,
      schedule_data, trait_grants, modules)
    select ${world}, r.import_id, r.position, r.name, r.description, r.picture, r.pretalx_id, r.force_join,
      r.schedule_data, r.trait_grants, r.modules
    from jsonb_to_recordset(${JSON.stringify(rooms.map((room, position) => ({ ...room, position })))}::text::jsonb) as r (
      import_id text, position integer, name text, description text, picture text, pretalx_id text,
      force_join boolean, schedule_data jsonb, trait_grants jsonb, modules jsonb
    )
    on conflict (world_id, import_id) do update set position = excluded.position, name = excluded.name,
      description = excluded.description, picture = excluded.picture, pretalx_id = excluded.pretalx_id,
      force_join = excluded.force_join, schedule_data = excluded.schedule_data,
      trait_grants = excluded.trait_grants, modules = excluded.modules`;
}
/** Removes a world with everything in it; false when there was none. */
export async function deleteWorldRow(sql, world) {
    const rows = await sql `delete from worlds where id = ${world} returning id`;
    return rows.length > 0;
}
//# sourceMappingURL=worlds.js.map