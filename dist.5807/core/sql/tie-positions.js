function textOf(tie) {
    if ("block" in tie)
        return JSON.stringify(["block", tie.block]);
    return JSON.stringify(tie.room === null ? ["grant", tie.grant] : ["grant", tie.grant, tie.room]);
}
/**
 * Enters the place of a command about a tie, in its transaction and under the account's lock.
 *
 * @returns false when one from later in the stream has been there: this one is to change nothing
 */
export async function moveTiePosition(tx, world, user, tie, position) {
    const rows = await tx `
    insert into tie_positions as t (world_id, user_id, tie, position)
    values (${world}, ${user}, ${textOf(tie)}, ${position})
    on conflict (world_id, user_id, tie) do update set position = excluded.position
      where t.position < excluded.position
    returning position`;
    return rows.length > 0;
}
/** Forgets all of an account, also what others had with it. */
export async function deleteTiePositions(tx, world, user) {
    await Promise.all([
        tx `delete from tie_positions where world_id = ${world} and user_id = ${user}`,
        tx `delete from tie_positions where world_id = ${world} and tie = ${textOf({ block: user })}`,
    ]);
}
/**
 * Forgets those from before a position, whatever their world: no older command comes any more.
 *
 * @returns how many were forgotten
 */
export async function pruneTiePositions(sql, before, limit) {
    const result = await sql `
    delete from tie_positions where ctid = any(array(
      select ctid from tie_positions where position < ${before} order by position limit ${limit}
    ))`;
    return result.count;
}
//# sourceMappingURL=tie-positions.js.map