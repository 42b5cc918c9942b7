import { Refusal } from "../../shared/protocol/errors.js";
import { readListed, selectListed } from "../sql/user-lists.js";
import { isStorable } from "../storable.js";
import { userJson } from "../user-view.js";
export const userList = {
    async run(context, body) {
        const manages = context.access.world.has("world:users.manage");
        const filter = { type: body.type ?? "person", banned: manages && body.include_banned !== false };
        if (body.limit == null)
            return (write) => writeAll(context, filter, manages, write);
        return await page(context, filter, manages, body.limit, body.after ?? null);
    },
};
/** `{id: user, …}`, written as it is read. */
async function writeAll({ services, world, now }, filter, manages, write) {
    let separator = "{";
    await readListed(services.sql, world.id, filter, (users) => write(users.map((user) => {
        const entry = `${separator}"${user.id}":${userJson(world, user, { manages, self: false }, now)}`;
        separator = ",";
        return entry;
    })));
    await write([separator === "{" ? "{}" : "}"]);
}
async function page({ services, world, now }, filter, manages, limit, after) {
    const place = after === null ? null : readCursor(world.id, after);
    // One more than asked for tells whether there is a next page.
    const rows = await selectListed(services.sql, world.id, filter, place, limit + 1);
    const users = rows.slice(0, limit);
    const last = users.at(-1);
    const next = rows.length > limit && last !== undefined
        ? cursorOf(world.id, { name: last.list_name, id: last.id })
        : null;
    const entries = users.map((user) => `"${user.id}":${userJson(world, user, { manages, self: false }, now)}`);
    return `{"users":{${entries.join(",")}},"next":${JSON.stringify(next)}}`;
}
/** It names its world: in another one it is nobody's. */
function cursorOf(world, { name, id }) {
    return Buffer.from(JSON.stringify([world, name, id])).toString("base64url");
}
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** @throws Refusal `user.invalid_body` when it is none of this world's */
function readCursor(world, cursor) {
    try {
        const parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
        if (Array.isArray(parts) && parts.length === 3 && parts[0] === world) {
            const [, name, id] = parts;
            if (typeof name === "string" && isStorable(name) && typeof id === "string" && uuid.test(id))
                return { name, id };
        }
    }
    catch {
        // No JSON.
    }
    throw new Refusal("user.invalid_body", { path: "/after", expected: "the next of a page before" });
}
//# sourceMappingURL=user-list.js.map