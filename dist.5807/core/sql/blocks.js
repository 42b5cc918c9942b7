/** Enters a block; false when it was there. */
export async function insertBlock(tx, world, user, blocked) {
    const rows = await tx `
    insert into blocks (world_id, user_id, blocked_id) values (${world}, ${user}, ${blocked})
    on conflict do nothing returning blocked_id`;
    return rows.length > 0;
}
/** Takes a block back; false when there was none. */
export async function deleteBlock(tx, world, user, blocked) {
    const rows = await tx `
    delete from blocks where world_id = ${world} and user_id = ${user} and blocked_id = ${blocked}
    returning blocked_id`;
    return rows.length > 0;
}
/** The ids of those whom a user blocks: in the order of their names ignoring case, nameless ones last. */
export async function selectBlocked(sql, world, user) {
    const rows = await sql `
    select u.id from blocks b join users u on u.world_id = b.world_id and u.id = b.blocked_id
    where b.world_id = ${world} and b.user_id = ${user} and u.deleted_at is null
    order by coalesce(u.profile ->> 'display_name', '') = '', search_fold(u.profile ->> 'display_name'), u.id`;
    return rows.map((row) => row.id);
}
//# sourceMappingURL=blocks.js.map