/** `user.list.search`: a page of the people whose name or searchable profile field contains a text. */
import type { CommandBody } from "../../shared/protocol/commands.ts";
import { findPeople } from "../find-people.ts";
import type { UserRow } from "../sql/users.ts";
import { isStorable } from "../storable.ts";
import { INACTIVE_AFTER_MS, userJson } from "../user-view.ts";
import type { World } from "../world.ts";
import type { ReadCommand } from "./context.ts";

type Body = CommandBody<"user.list.search">;

const DEFAULT_PAGE_SIZE = 20;

/** No world has so many accounts: what lies beyond is past the end without looking. */
const MAX_OFFSET = 1e9;

const nothing = `{"results":[],"isLastPage":true}`;

export const userListSearch: ReadCommand<Body> = {
  async run(context, body) {
    const { services, world, access, now } = context;
    const manages = access.world.has("world:users.manage");
    const { pageSize, minChars } = listSettings(world);
    const badge = body.badge || null;
    const page = Number.isSafeInteger(body.page) ? (body.page as number) : 0;
    const offset = (page - 1) * pageSize;
    if (page < 1 || offset > MAX_OFFSET) return nothing;
    if (badge === null && [...body.search_term].length < minChars) return nothing;
    // What cannot be stored is in nobody's profile.
    if (!isStorable(body.search_term) || !isStorable(badge)) return nothing;

    const query = { term: body.search_term, badge, banned: manages && body.include_banned !== false };
    // One more than is shown tells whether another page follows.
    const wanted = { offset, limit: pageSize + 1, activeSince: now - INACTIVE_AFTER_MS };
    const ids = await findPeople(services, world.id, query, wanted);
    const users = await Promise.all(
      ids.slice(0, pageSize).map((id) => context.loaders.user(world.id, "id", id)),
    );
    // Somebody may have been banned or deleted since the search.
    const shown = users.filter((user): user is UserRow => {
      return user !== undefined && !user.deleted && (query.banned || user.moderation_state !== "banned");
    });
    const results = shown.map((user) => userJson(world, user, { manages, self: false }, now));
    return `{"results":[${results.join(",")}],"isLastPage":${ids.length <= pageSize}}`;
  },
};

/** What the world says about lists of users. */
function listSettings(world: World): { pageSize: number; minChars: number } {
  const given = (world.settings.user_list ?? {}) as Record<string, unknown>;
  return {
    pageSize: Number(given.page_size) || DEFAULT_PAGE_SIZE,
    minChars: Number(given.search_min_chars) || 0,
  };
}
