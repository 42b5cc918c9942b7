/** `operator.grant` and `operator.revoke`: roles of an account by name, on the world or on a room. */
import { isDeepStrictEqual } from "node:util";
import { Refusal } from "../../shared/protocol/errors.ts";
import { roleNames } from "../permissions.ts";
import { type AuditEvent, insertAudit } from "../sql/audit-log.ts";
import { deleteGrant, type Grant, insertGrant, raiseVersion } from "../sql/grants.ts";
import { moveTiePosition } from "../sql/tie-positions.ts";
import { type LockedUser, selectUsers } from "../sql/users.ts";
import { ownUserJson } from "../user-view.ts";
import type { World } from "../world.ts";
import type { WriteCommand, WriteContext } from "./context.ts";

/** What both are given. */
export interface GrantBody {
  id: string;
  role: string;
  /** The room's id in the world file; null: on the world. */
  room: string | null;
}

export const operatorGrant: WriteCommand<GrantBody> = {
  affects: ({ id }) => [id],

  async run(context, body) {
    const { world, tx } = context;
    const [user, room] = [findUser(context, body.id), findRoom(world, body.room)];
    const roles = roleNames(world);
    if (!roles.includes(body.role)) throw wrong("/role", roles);
    const grant = { user: user.id, role: body.role, room };
    const isNew = (await counts(context, grant)) && (await insertGrant(tx, world.id, grant));
    return await written(context, user, body, isNew ? "granted" : null);
  },
};

export const operatorRevoke: WriteCommand<GrantBody> = {
  affects: ({ id }) => [id],

  async run(context, body) {
    const { world, tx } = context;
    const [user, room] = [findUser(context, body.id), findRoom(world, body.room)];
    const grant = { user: user.id, role: body.role, room };
    const wasHeld = (await counts(context, grant)) && (await deleteGrant(tx, world.id, grant));
    const roles = roleNames(world);
    // A role that the world's file has dropped may still be held.
    if (!wasHeld && !roles.includes(body.role)) throw wrong("/role", roles);
    return await written(context, user, body, wasHeld ? "revoked" : null);
  },
};

/** Later wins: what entered the stream before the last grant or revocation of the same changes nothing. */
function counts({ tx, world, position }: WriteContext, { user, role, room }: Grant): Promise<boolean> {
  return moveTiePosition(tx, world.id, user, { grant: role, room }, position);
}

/** Completes a change; `event` null: it was so already, or is so again. */
async function written(
  { tx, world, commandId, now }: WriteContext,
  before: LockedUser,
  { role, room }: GrantBody,
  event: Extract<AuditEvent, "granted" | "revoked"> | null,
) {
  const result = JSON.stringify({ changed: event !== null });
  if (event === null) return { result, changed: [] };
  const data = JSON.stringify({ role, room });
  await insertAudit(tx, world.id, { actor: null, user: before.id, event, data, commandId });
  await raiseVersion(tx, world.id, before.id);
  const [user] = await selectUsers(tx, world.id, "id", [before.id]);
  const seen = [before, user!].map((row) => JSON.parse(ownUserJson(world, row, now)));
  const isShown = !isDeepStrictEqual(seen[0], seen[1]);
  return { result, changed: isShown ? [user!] : [], accessChanged: [user!] };
}

function findUser({ locked }: WriteContext, id: string): LockedUser {
  const user = locked.get(id);
  if (user === undefined || user.deleted) throw new Refusal("user.not_found");
  return user;
}

function findRoom(world: World, importId: string | null): string | null {
  if (importId === null) return null;
  const room = world.rooms.find((each) => each.import_id === importId);
  if (room === undefined) {
    throw wrong(
      "/room",
      world.rooms.map((each) => each.import_id),
    );
  }
  return room.id;
}

function wrong(path: string, choices: readonly string[]): Refusal {
  const expected = choices.length === 0 ? "none: there is no choice" : `one of ${choices.join(", ")}`;
  return new Refusal("user.invalid_body", { path, expected });
}
