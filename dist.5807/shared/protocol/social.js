/** Social networks that an account can be connected to, and the form of what leads through their login. */
export const socialNetworks = ["twitter", "linkedin"];
export function isSocialNetwork(name) {
    return socialNetworks.includes(name);
}
/**
 * The world that a start link's token or an OAuth state begins with: a gateway has to know whom to ask before
 * anybody has looked whether the rest is true.
 *
 * @returns null for what cannot be one
 */
export function worldOfSocialText(text) {
    return /^([a-z0-9-]{1,50})\.[\w.-]{1,200}$/.exec(text)?.[1] ?? null;
}
//# sourceMappingURL=social.js.map