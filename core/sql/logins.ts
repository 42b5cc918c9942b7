/** First logins of many people in one statement: a conference opens for thousands within a minute. */
import type { LoggedCommand } from "./command-log.ts";
import { retryConflicts, type Sql } from "./database.ts";
import { insertLogins, type NewUser, type UserRow } from "./users.ts";

/** An account to make for somebody who logs in. */
export type NewLogin = Omit<NewUser, "position">;

/**
 * Makes accounts, each together with the log row of its command, so that a login that is delivered again after
 * its account was deleted does not bring it back.
 *
 * @returns for each login its new account; undefined when another login with the same key was faster, or the
 *   command has run before
 */
export async function writeNewLogins(
  sql: Sql,
  world: string,
  logins: readonly (NewLogin & LoggedCommand)[],
): Promise<(UserRow | undefined)[]> {
  // In one order for all, so that two with some logins in common never wait for each other.
  const ordered = [...logins].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const made = await retryConflicts(() => insertLogins(sql, world, ordered));
  return logins.map((login) => (made.has(login.id) ? toUserRow(login, made.get(login.id)!) : undefined));
}

function keyOf(login: NewLogin): string {
  return login.token_id === null ? `client ${login.client_id}` : `token ${login.token_id}`;
}

/** The row as the database has it now, without asking again. */
function toUserRow(login: NewLogin & LoggedCommand, pretalxId: string | null): UserRow {
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
