/** Whether somebody may do what they ask for, by what is known of their account at that moment. */
import { Refusal } from "../shared/protocol/errors.ts";
import type { CommandContext, ReadContext } from "./commands/context.ts";
import { OPERATOR_ACCESS } from "./operator.ts";
import { resolveAccess } from "./permissions.ts";
import type { LockedUser, UserRow } from "./sql/users.ts";

/** @throws Refusal `auth.denied` when the actor may not */
export function permit(context: CommandContext, permission: string, actor: UserRow | undefined): ReadContext {
  const access = context.isOperator ? OPERATOR_ACCESS : actor && resolveAccess(context.world, actor);
  if (actor === undefined || !access?.world.has(permission)) throw new Refusal("auth.denied");
  context.actor = actor;
  context.access = access;
  return context as ReadContext;
}

/**
 * The same for a writing command. Of a connection that was cut off a slow link may still carry something, to come after
 * all else that its account has done since it may log in again.
 *
 * @throws Refusal `auth.denied` when the actor may not
 */
export function permitWriter(
  context: CommandContext,
  permission: string,
  actor: LockedUser | undefined,
): ReadContext {
  const { loginVersion } = context.origin;
  const isCutOff = actor !== undefined && loginVersion !== null && loginVersion < actor.cut_off_version;
  return permit(context, permission, isCutOff ? undefined : actor);
}
