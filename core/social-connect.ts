/** The effect of a social login that worked out: the external id, what the profile gains by it, the audit row. */
import type { CommandContext } from "./commands/context.ts";
import { resolveAccess } from "./permissions.ts";
import type { SocialLink } from "./social-link.ts";
import type { ExternalProfile } from "./social-provider.ts";
import { insertAudit } from "./sql/audit-log.ts";
import { insertCommand } from "./sql/command-log.ts";
import { transact } from "./sql/database.ts";
import { upsertSocialAccount } from "./sql/social-accounts.ts";
import { lockUsers, type UserRow, updateMergedProfile } from "./sql/users.ts";
import type { World } from "./world.ts";

/**
 * Connects the account, in one transaction. Later wins, for the external id and for the profile each.
 *
 * @param location where the browser goes then, for the record of the command
 * @returns the account as it is now, and whether that is any different; null when it may no longer do anything
 */
export async function connectAccount(
  { services, world, commandId, position }: CommandContext,
  { user: id, network }: SocialLink,
  external: ExternalProfile,
  location: string,
): Promise<{ user: UserRow; changed: boolean } | null> {
  return await transact(services.sql, async (tx) => {
    const [user] = await lockUsers(tx, world.id, [id]);
    // Banned or deleted while they were away.
    if (user === undefined || !resolveAccess(world, user).world.has("world:view")) return null;
    const logged = { commandId, world: world.id, user: id, position };
    if (!(await insertCommand(tx, logged, { result: { location } })))
      throw new Error("the command has run before");
    const connected = { user: id, network, externalId: external.id, position };
    if (!(await upsertSocialAccount(tx, world.id, connected))) return { user, changed: false };
    const profile =
      user.profile_position < position ? mergeProfile(world, network, user.profile, external) : null;
    const version = await updateMergedProfile(tx, world.id, id, { profile, position });
    const audit = { actor: id, user: id, commandId };
    if (profile !== null) {
      const data = `{"old":${user.profile},"new":${profile},"by_admin":false}`;
      await insertAudit(tx, world.id, { ...audit, event: "profile", data });
    }
    // Not the external id: it goes with the account, and the log stays.
    await insertAudit(tx, world.id, {
      ...audit,
      event: "social connected",
      data: JSON.stringify({ network }),
    });
    return { user: { ...user, version, profile: profile ?? user.profile }, changed: true };
  });
}

/**
 * What a profile gains: a name where there is none, and the page in the world's link fields of the network.
 *
 * @param profile JSON text
 * @returns JSON text; null when it gains nothing
 */
export function mergeProfile(
  world: Pick<World, "settings">,
  network: string,
  profile: string,
  { name, url }: Pick<ExternalProfile, "name" | "url">,
): string | null {
  const before = JSON.parse(profile) as Record<string, unknown>;
  const after = { ...before };
  const { display_name: shown } = before;
  if (name !== null && (typeof shown !== "string" || shown.trim() === "")) after.display_name = name;
  const links = url === null ? [] : linkFields(world, network);
  if (links.length > 0) {
    const fields = isObject(before.fields) ? before.fields : {};
    after.fields = { ...fields, ...Object.fromEntries(links.map((id) => [id, url])) };
  }
  const json = JSON.stringify(after);
  return json === JSON.stringify(before) ? null : json;
}

function linkFields({ settings }: Pick<World, "settings">, network: string): string[] {
  const fields: unknown[] = Array.isArray(settings.profile_fields) ? settings.profile_fields : [];
  return fields.flatMap((field) =>
    isObject(field) && field.type === "link" && field.network === network && typeof field.id === "string"
      ? [field.id]
      : [],
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
