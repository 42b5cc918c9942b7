/** Grants a role; false when the account has it already. */
export async function insertGrant(tx, world, grant) {
    const { user, role, room } = grant;
    const rows = room === null
        ? await tx `
          insert into world_grants (world_id, user_id, role) values (${world}, ${user}, ${role})
          on conflict do nothing returning role`
        : await tx `
          insert into room_grants (world_id, user_id, room_id, role) values (${world}, ${user}, ${room}, ${role})
          on conflict do nothing returning role`;
    return rows.length > 0;
}
/** Takes a granted role away; false when the account did not have it. */
export async function deleteGrant(tx, world, grant) {
    const { user, role, room } = grant;
    const rows = room === null
        ? await tx `
          delete from world_grants where world_id = ${world} and user_id = ${user} and role = ${role}
          returning role`
        : await tx `
          delete from room_grants
          where world_id = ${world} and user_id = ${user} and room_id = ${room} and role = ${role}
          returning role`;
    return rows.length > 0;
}
/** Raises an account's version, for a change that stands in another table. */
export async function raiseVersion(tx, world, user) {
    await tx `update users set version = version + 1 where world_id = ${world} and id = ${user}`;
}
//# sourceMappingURL=grants.js.map