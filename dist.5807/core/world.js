/**
 * A world as commands use it: read from the database once, compiled, then never changed. What depends only on
 * the world and a set of grants is remembered here, and goes with it when the world changes.
 */
import { createHash } from "node:crypto";
import { compileTokenKeys } from "./tokens.js";
/** Compiles what the database holds. Settings of a wrong type count as absent: files are checked on import. */
export function compileWorld(row, rooms) {
    const { settings } = row;
    const domain = typeof settings.domain === "string" ? [`https://${settings.domain}`] : [];
    return {
        id: row.id,
        version: row.version,
        settings,
        roles: row.roles,
        traitGrants: compileGrants(row.trait_grants),
        rooms: rooms.map((room) => ({ ...room, traitGrants: compileGrants(room.trait_grants) })),
        tokenKeys: compileTokenKeys(settings.JWT_secrets),
        badges: (settings.trait_badges_map ?? {}),
        connectionLimit: Number(settings.connection_limit) || 0,
        origins: [...domain, ...(settings.return_origins ?? [])],
        accessMemo: new Map(),
        configMemo: new Map(),
    };
}
/** A role whose requirements are null is granted to nobody. */
function compileGrants(grants) {
    const entries = Object.entries(grants);
    return Object.fromEntries(entries.filter((entry) => entry[1] !== null));
}
/** Names a text by its content. */
export function sharedText(text) {
    return { hash: createHash("sha1").update(text).digest("base64url"), text };
}
//# sourceMappingURL=world.js.map