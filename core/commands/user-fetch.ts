/** `user.fetch`: one user by id, or up to 100 by ids or by pretalx ids. */
import type { CommandBody } from "../../shared/protocol/commands.ts";
import { Refusal } from "../../shared/protocol/errors.ts";
import type { UserKey, UserRow } from "../sql/users.ts";
import { userJson } from "../user-view.ts";
import type { AccountRead } from "./context.ts";

type Body = CommandBody<"user.fetch">;

/** Only so many count; the rest of a longer list is passed over. */
const MAX_IDS = 100;

export const userFetch: AccountRead<Body> = {
  accounts: wanted,

  answer(view, body, find) {
    const { key, values, single } = wanted(body);
    const manages = view.access.world.has("world:users.manage");
    const show = (user: UserRow) => userJson(view.world, user, { manages, self: false }, view.now);
    if (single) {
      const user = find(key, values[0]!);
      if (user === undefined) throw new Refusal("user.not_found");
      return show(user);
    }
    const entries = values.flatMap((value) => {
      const user = find(key, value);
      return user === undefined ? [] : [`${JSON.stringify(value)}:${show(user)}`];
    });
    return `{${entries.join(",")}}`;
  },
};

function wanted(body: Body): { key: UserKey; values: string[]; single: boolean } {
  if (body.id != null) return { key: "id", values: [body.id], single: true };
  const [key, list] =
    body.ids != null ? (["id", body.ids] as const) : (["pretalx_id", body.pretalx_ids] as const);
  if (list == null) {
    throw new Refusal("user.invalid_body", { path: "", expected: "one of id, ids, pretalx_ids" });
  }
  // A repeated id would be a repeated key in the answer.
  return { key, values: [...new Set(list.slice(0, MAX_IDS))], single: false };
}
