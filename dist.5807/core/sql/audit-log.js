/**
 * Empties what the log remembers of a deleted account's person. That something happened stays, and so does who
 * moderated whom.
 */
export async function redactAudit(tx, world, user) {
    await tx `
    update audit_log set data = '{}'
    where world_id = ${world} and user_id = ${user}
      and event not in
        ('banned', 'silenced', 'reactivated', 'deleted', 'blocked', 'unblocked', 'granted', 'revoked')`;
}
/** Writes one row. */
export async function insertAudit(sql, world, row) {
    await sql `
    insert into audit_log (world_id, actor_id, user_id, event, data, command_id)
    values (${world}, ${row.actor}, ${row.user}, ${row.event}, ${row.data}::text::jsonb, ${row.commandId})`;
}
/** What happened to an account, the newest first. */
export async function selectAudit(sql, world, user, limit) {
    return await sql `
    select extract(epoch from created_at)::float8 * 1000 as at, event, actor_id, data, command_id
    from audit_log where world_id = ${world} and user_id = ${user} order by id desc limit ${limit}`;
}
//# sourceMappingURL=audit-log.js.map