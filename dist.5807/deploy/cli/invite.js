/** `foyer invite`: lets an anonymous user into one room. */
import { createInvite } from "../../core/invites.js";
import { selectRooms, selectWorldVersion } from "../../core/sql/worlds.js";
import { Failure } from "./failure.js";
import { withDatabase } from "./stores.js";
/** Makes an invite and prints its token. */
export async function runInvite(options, io) {
    const { world, room, expiresIn } = options;
    return await withDatabase(io, options, async (sql) => {
        const token = await createInvite(sql, world, room, expiresIn);
        if (token === null)
            throw new Failure(await whyNone(sql, world, room));
        io.stdout.write(`${token}\n`);
        return 0;
    });
}
async function whyNone(sql, world, room) {
    if ((await selectWorldVersion(sql, world)) === undefined) {
        return `there is no world "${world}": foyer world list shows those there are`;
    }
    const rooms = await selectRooms(sql, world);
    const ids = rooms.map((each) => each.import_id).join(", ");
    return `world "${world}" has no room "${room}": its rooms are ${ids || "none"}`;
}
//# sourceMappingURL=invite.js.map