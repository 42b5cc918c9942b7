/** The world of the trials: everybody may list everybody, so that big answers are under way to those who are banned. */
import jwt from "jsonwebtoken";
const SECRET = "a secret of the trials";
export const bansWorld = {
    world: {
        id: "bans",
        title: "Trials",
        JWT_secrets: [{ secret: SECRET, issuer: "trials", audience: "trials" }],
    },
    roles: {
        attendee: ["world:view", "world:users.list"],
        moderator: ["world:view", "world:users.manage"],
    },
    trait_grants: { attendee: [], moderator: ["moderator"] },
};
export const WORLD = bansWorld.world.id;
/** A token for somebody. */
export function tokenFor(uid, traits = []) {
    return jwt.sign({ uid, traits }, SECRET, { issuer: "trials", audience: "trials", expiresIn: "1d" });
}
//# sourceMappingURL=world.js.map