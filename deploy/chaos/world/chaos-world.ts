/** The world of a chaos run. */
import { compileTokenKey, signToken } from "../../../core/tokens.ts";

const secret = { secret: "of a world that lasts for one run", issuer: "chaos", audience: "chaos" };

/** Its id. */
export const WORLD = "chaos";

/** As a world file. */
export const chaosWorld = { world: { id: WORLD, title: "Chaos", JWT_secrets: [secret] }, rooms: [] };

/** A login token of somebody who moderates it. */
export function moderatorToken(): string {
  const key = compileTokenKey(secret);
  if (typeof key === "string") throw new Error(key);
  return signToken(key, { uid: "moderator", traits: ["moderator"], expiresInSeconds: 3_600 });
}
