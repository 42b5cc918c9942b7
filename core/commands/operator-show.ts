/** `operator.show`: all that is known of an account, where it is connected, and what happened to it. */
import type { ShownUser } from "../../shared/protocol/operator-commands.ts";
import { resolveAccess } from "../permissions.ts";
import { selectAudit } from "../sql/audit-log.ts";
import { selectUserTimes, type UserRow } from "../sql/users.ts";
import { badgesOf } from "../user-view.ts";
import type { CommandContext } from "./context.ts";

const MAX_AUDIT_ROWS = 1_000;

export async function operatorShow(context: CommandContext, user: UserRow): Promise<ShownUser> {
  const { services, world } = context;
  const { sql } = services;
  const [times, audit, online] = await Promise.all([
    selectUserTimes(sql, world.id, user.id),
    selectAudit(sql, world.id, user.id, MAX_AUDIT_ROWS),
    readOnline(context, user.id),
  ]);
  const importIds = new Map(world.rooms.map((room) => [room.id, room.import_id]));
  return {
    id: user.id,
    world: world.id,
    type: user.type,
    client_id: user.client_id,
    token_id: user.token_id,
    pretalx_id: user.pretalx_id,
    moderation_state: user.moderation_state,
    deleted: user.deleted,
    version: user.version,
    created_at: isoTime(times?.created_at ?? null)!,
    last_login_at: isoTime(user.last_login_at),
    deleted_at: isoTime(times?.deleted_at ?? null),
    traits: user.traits,
    badges: badgesOf(world, user.traits),
    grants: [
      ...user.world_roles.map((role) => ({ role, room: null })),
      ...user.room_roles.map(([room, role]) => ({ role, room: importIds.get(room) ?? room })),
    ],
    permissions: [...resolveAccess(world, user).world],
    profile: JSON.parse(user.profile),
    client_state: JSON.parse(user.client_state),
    online,
    audit: audit.map((row) => ({ ...row, at: isoTime(row.at)! })),
  };
}

/** Its connections, counted for each gateway. */
async function readOnline({ services: { redis, keys }, world }: CommandContext, user: string) {
  const counts = new Map<string, number>();
  for (const member of await redis.zrange(keys.registry(world.id, user), "0", "-1")) {
    const gateway = member.slice(0, member.lastIndexOf("/"));
    counts.set(gateway, (counts.get(gateway) ?? 0) + 1);
  }
  return [...counts].map(([gateway, connections]) => ({ gateway, connections }));
}

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
