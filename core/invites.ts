/** Invites: tokens that let an anonymous user into one room. */
import { randomBytes } from "node:crypto";
import { retryConflicts, type Sql } from "./sql/database.ts";
import { insertInvite } from "./sql/invites.ts";

/** 72 bits: nobody guesses one over however many connections. */
const TOKEN_BYTES = 9;

/**
 * Makes an invite.
 *
 * @param roomImportId the room's id in the world file
 * @returns its token; null when the world has no such room
 */
export async function createInvite(
  sql: Sql,
  world: string,
  roomImportId: string,
  expiresInSeconds: number,
): Promise<string | null> {
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const invite = { token, roomImportId, expiresInSeconds };
  return (await retryConflicts(() => insertInvite(sql, world, invite))) ? token : null;
}
