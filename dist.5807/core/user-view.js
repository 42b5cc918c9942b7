/**
 * The user object as JSON text, for whoever looks. Profile and client state go in as the text that Postgres gave:
 * they are never parsed on the way to a client.
 */
import { resolveAccess } from "./permissions.js";
/** Somebody who has not logged in for so long counts as inactive. */
export const INACTIVE_AFTER_MS = 36 * 60 * 60 * 1_000;
/** @param now ms since the epoch */
export function userJson(world, user, viewer, now) {
    let json = `{"id":"${user.id}","profile":${user.profile},"pretalx_id":${quote(user.pretalx_id)}`;
    json += `,"badges":${badgesJson(world, user.traits)}`;
    json += `,"inactive":${isInactive(user, now)},"deleted":${user.deleted}`;
    if (viewer.manages) {
        json += `,"moderation_state":"${user.moderation_state}","token_id":${quote(user.token_id)}`;
    }
    if (viewer.self || (viewer.manages && user.type === "kiosk"))
        json += `,"client_state":${user.client_state}`;
    return `${json}}`;
}
/** The user as itself sees it. */
export function ownUserJson(world, user, now) {
    const manages = resolveAccess(world, user).world.has("world:users.manage");
    return userJson(world, user, { manages, self: true }, now);
}
/** Badges of these traits, sorted. */
export function badgesOf(world, traits) {
    const badges = traits
        .filter((trait) => Object.hasOwn(world.badges, trait))
        .map((trait) => world.badges[trait]);
    return [...new Set(badges)].sort();
}
function badgesJson(world, traits) {
    return traits.length === 0 ? "[]" : JSON.stringify(badgesOf(world, traits));
}
function isInactive(user, now) {
    return user.last_login_at === null || now - user.last_login_at > INACTIVE_AFTER_MS;
}
function quote(text) {
    return text === null ? "null" : JSON.stringify(text);
}
//# sourceMappingURL=user-view.js.map