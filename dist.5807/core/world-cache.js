import { selectRooms, selectWorld, selectWorldVersion } from "./sql/worlds.js";
import { compileWorld } from "./world.js";
const MAX_AGE_MS = 30_000;
/** Ids come from connections: enough for every real world, few enough for made-up ones. */
const MAX_WORLDS = 1_000;
export function createWorldCache(sql) {
    const entries = new Map();
    const read = async (id) => {
        // In one snapshot, or a world could be seen with another version's rooms.
        return await sql.begin("isolation level repeatable read read only", async (tx) => {
            const row = await selectWorld(tx, id);
            return row && compileWorld(row, await selectRooms(tx, id));
        });
    };
    const get = (id) => {
        const entry = entries.get(id);
        if (entry !== undefined && performance.now() - entry.readAt < MAX_AGE_MS)
            return entry.world;
        const world = read(id);
        entries.delete(id);
        const made = { world, read: undefined, readAt: performance.now() };
        entries.set(id, made);
        if (entries.size > MAX_WORLDS)
            entries.delete(entries.keys().next().value);
        world.then((found) => {
            made.read = found;
        }, 
        // A failed read is nobody's answer but that of those who waited for it.
        () => {
            if (entries.get(id) === made)
                entries.delete(id);
        });
        return world;
    };
    return {
        peek(id) {
            const entry = entries.get(id);
            return entry !== undefined && performance.now() - entry.readAt < MAX_AGE_MS ? entry.read : undefined;
        },
        get,
        async getLatest(id) {
            const [world, version] = await Promise.all([get(id), selectWorldVersion(sql, id)]);
            if (world?.version === version)
                return world;
            entries.delete(id);
            return await get(id);
        },
        drop: (id) => entries.delete(id),
        dropAll: () => entries.clear(),
    };
}
//# sourceMappingURL=world-cache.js.map