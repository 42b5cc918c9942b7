/** `user.kiosk.create`, `user.kiosk.fetch`: accounts of screens that stand somewhere and show the conference. */
import { randomUUID } from "node:crypto";
import type { CommandBody } from "../../shared/protocol/commands.ts";
import { Refusal } from "../../shared/protocol/errors.ts";
import { insertKiosk } from "../sql/user-moderation.ts";
import { selectUsers } from "../sql/users.ts";
import { asUuid, storableJson } from "../storable.ts";
import { signKioskToken } from "../tokens.ts";
import { userJson } from "../user-view.ts";
import type { ReadCommand, WriteCommand } from "./context.ts";

/** Nobody wants to log kiosks in again during a conference; one that is deleted is locked out at once. */
const TOKEN_EXPIRY_S = 365 * 24 * 60 * 60;

export const userKioskCreate: WriteCommand<CommandBody<"user.kiosk.create">> = {
  async run({ tx, world, position }, body) {
    const id = body.id == null ? randomUUID() : asUuid(body.id);
    if (id === null) throw new Refusal("user.invalid_body", { path: "/id", expected: "a UUID" });
    const profile = storableJson(body.profile ?? {}, "/profile");
    if (!(await insertKiosk(tx, world.id, id, profile, position))) {
      const [existing] = await selectUsers(tx, world.id, "id", [id]);
      if (existing?.type !== "kiosk" || existing.deleted) {
        throw new Refusal("user.invalid_body", { path: "/id", expected: "an id that is not taken" });
      }
    }
    return { result: JSON.stringify({ user: id }), changed: [] };
  },
};

export const userKioskFetch: ReadCommand<CommandBody<"user.kiosk.fetch">> = {
  prefetch({ loaders, world }, { id }) {
    loaders.user(world.id, "id", id).catch(() => {});
  },

  async run({ loaders, world, now }, { id }) {
    const kiosk = await loaders.user(world.id, "id", id);
    if (kiosk?.type !== "kiosk" || kiosk.deleted) throw new Refusal("user.not_found");
    const key = world.tokenKeys.find(({ secret }) => secret !== null);
    const token = key === undefined ? null : signKioskToken(key, kiosk.id, TOKEN_EXPIRY_S);
    const shown = userJson(world, kiosk, { manages: true, self: false }, now);
    return `${shown.slice(0, -1)},"token":${JSON.stringify(token)}}`;
  },
};
