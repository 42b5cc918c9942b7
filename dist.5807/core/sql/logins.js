/** First logins of many people in one transaction: a conference opens for thousands within a minute. */
import { insertCommands, selectLogins } from "./command-log.js";
import { transact } from "./database.js";
import { insertUsers } from "./users.js";
/**
 * Makes accounts, each together with the log row of its command, so that a login that is delivered again after
 * its account was deleted does not bring it back.
 *
 * @returns for each login its new account; undefined when another login with the same key was faster, or the
 *   command has run before
 */
export async function writeNewLogins(sql, world, logins) {
    return await transact(sql, (tx) => write(tx, world, logins));
}
async function write(tx, world, logins) {
    const logged = await selectLogins(tx, world, logins.map((login) => login.commandId));
    // In one order for all transactions, so that two with some logins in common never wait for each other.
    const fresh = logins
        .filter((login) => !logged.has(login.commandId))
        .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    const made = await insertUsers(tx, world, fresh);
    const mine = fresh.filter((login) => made.has(login.id));
    if (mine.length > 0) {
        const rows = mine.map((login) => ({ ...login, user: login.id }));
        await insertCommands(tx, world, rows, { result: {} });
    }
    return logins.map((login) => (made.has(login.id) ? toUserRow(login, made.get(login.id)) : undefined));
}
function keyOf(login) {
    return login.token_id === null ? `client ${login.client_id}` : `token ${login.token_id}`;
}
/** The row as the database has it now, without asking again. */
function toUserRow(login, pretalxId) {
    return {
        id: login.id,
        type: login.type,
        client_id: login.client_id,
        token_id: login.token_id,
        pretalx_id: pretalxId,
        profile: login.profile,
        client_state: "{}",
        traits: [...login.traits],
        moderation_state: "",
        version: 1,
        traits_position: login.position,
        last_login_at: Date.now(),
        deleted: false,
        world_roles: [],
        room_roles: [],
    };
}
//# sourceMappingURL=logins.js.map