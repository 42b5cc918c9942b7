/** Social networks that an account can be connected to, and the form of what leads through their login. */

export const socialNetworks = ["twitter", "linkedin"] as const;

/** One of them. */
export type SocialNetwork = (typeof socialNetworks)[number];

export function isSocialNetwork(name: string): name is SocialNetwork {
  return (socialNetworks as readonly string[]).includes(name);
}

/**
 * The world that a start link's token or an OAuth state begins with: a gateway has to know whom to ask before
 * anybody has looked whether the rest is true.
 *
 * @returns null for what cannot be one
 */
export function worldOfSocialText(text: string): string | null {
  return /^([a-z0-9-]{1,50})\.[\w.-]{1,200}$/.exec(text)?.[1] ?? null;
}
