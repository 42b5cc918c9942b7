/** The room that a valid, unexpired invite is for; undefined when it is none. */
export async function selectInvitedRoom(sql, world, token) {
    const rows = await sql `
    select room_id from invites where world_id = ${world} and token = ${token} and expires_at > now()`;
    return rows[0]?.room_id;
}
/** Makes an invite to the room of this import id; false when the world has no such room. */
export async function insertInvite(sql, world, invite) {
    const rows = await sql `
    insert into invites (world_id, token, room_id, expires_at)
    select r.world_id, ${invite.token}, r.id, now() + make_interval(secs => ${invite.expiresInSeconds})
    from rooms r where r.world_id = ${world} and r.import_id = ${invite.roomImportId}
    returning token`;
    return rows.length > 0;
}
//# sourceMappingURL=invites.js.map