/** `user.block`, `user.unblock` and `user.list.blocked`: whom the caller wants no direct messages from. */
import { Refusal } from "../../shared/protocol/errors.ts";
import { insertAudit } from "../sql/audit-log.ts";
import { deleteBlock, insertBlock, selectBlocked } from "../sql/blocks.ts";
import { moveTiePosition } from "../sql/tie-positions.ts";
import { asUuid } from "../storable.ts";
import { userJson } from "../user-view.ts";
import type { ReadCommand, WriteCommand } from "./context.ts";

export const userBlock = createBlockCommand("user.block.self", "blocked", insertBlock);

export const userUnblock = createBlockCommand("user.unblock.self", "unblocked", deleteBlock);

export const userListBlocked: ReadCommand<object> = {
  async run({ services, loaders, world, actor, access, now }) {
    const ids = await selectBlocked(services.sql, world.id, actor.id);
    const users = await Promise.all(ids.map((id) => loaders.user(world.id, "id", id)));
    const viewer = { manages: access.world.has("world:users.manage"), self: false };
    const shown = users.flatMap((user) => (user === undefined ? [] : [userJson(world, user, viewer, now)]));
    return `[${shown.join(",")}]`;
  },
};

/** Both directions are the same but for what they write. Done a second time, either changes nothing. */
function createBlockCommand(
  onSelf: "user.block.self" | "user.unblock.self",
  event: "blocked" | "unblocked",
  change: typeof insertBlock,
): WriteCommand<{ id: string }> {
  return {
    // Locked, so that no deletion under way leaves a block behind.
    affects({ id }) {
      const uuid = asUuid(id);
      return uuid === null ? [] : [uuid];
    },

    async run({ tx, world, actor, locked, commandId, position }, body) {
      const user = locked.get(body.id.toLowerCase());
      if (user?.id === actor.id) throw new Refusal(onSelf);
      if (user === undefined || user.deleted) throw new Refusal("user.not_found");
      // Later wins: what entered the stream before the last of either kind changes nothing.
      const counts = await moveTiePosition(tx, world.id, actor.id, { block: user.id }, position);
      if (counts && (await change(tx, world.id, actor.id, user.id))) {
        await insertAudit(tx, world.id, { actor: actor.id, user: user.id, event, data: "{}", commandId });
      }
      return { result: "{}", changed: [] };
    },
  };
}
