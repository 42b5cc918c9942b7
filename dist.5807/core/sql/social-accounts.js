/** The secret that a world's links are signed with; undefined when there is no such world. */
export async function selectLinkSecret(sql, world) {
    const rows = await sql `select link_secret from worlds where id = ${world}`;
    return rows[0]?.link_secret;
}
/**
 * Connects a user to an account at a network, in place of the one connected before.
 *
 * @returns false when a command from later in the stream has connected one: that stays
 */
export async function upsertSocialAccount(tx, world, account) {
    const rows = await tx `
    insert into social_accounts as s (world_id, user_id, network, external_id, position)
    values (${world}, ${account.user}, ${account.network}, ${account.externalId}, ${account.position})
    on conflict (world_id, user_id, network)
      do update set external_id = excluded.external_id, connected_at = now(), position = excluded.position
      where s.position < excluded.position
    returning network`;
    return rows.length > 0;
}
//# sourceMappingURL=social-accounts.js.map