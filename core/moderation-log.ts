/** One log line for each act of a moderator or an operator, once it holds on every gateway. */

import type { CommandContext } from "./commands/context.ts";
import { asUuid } from "./storable.ts";

/** Clients' commands that are such acts. */
const acts: ReadonlySet<string> = new Set(["user.ban", "user.silence", "user.reactivate", "user.delete"]);

/**
 * @param command its name
 * @param actor the account that did it; null: an operator
 * @param body the payload, which names the account that it was done to
 */
export function logModeration(
  { services, commandId, world, now }: CommandContext,
  command: string,
  actor: string | null,
  body: unknown,
): void {
  if (actor !== null && !acts.has(command)) return;
  const user = asUuid((body as { id: string }).id) ?? "";
  const durationMs = Date.now() - now;
  const fields = { commandId, command, world: world.id, actor, user, outcome: "success", durationMs };
  services.log.info(fields, "moderation");
}
