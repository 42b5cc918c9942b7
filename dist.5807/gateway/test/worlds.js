/** Worlds of the gateway's tests. */
/** The secret of their key. */
export const SECRET = "a secret of the test world";
/** Admits guests. */
export const openWorld = {
    world: {
        id: "w",
        title: "Test world",
        domain: "conf.example",
        return_origins: ["https://tickets.example"],
        JWT_secrets: [{ secret: SECRET, issuer: "tickets", audience: "conf" }],
        trait_badges_map: { speaker: "Speaker" },
    },
    rooms: [{ id: "stage", name: "Stage" }],
};
/** Two connections a user. */
export const narrowWorld = { world: { id: "narrow", title: "Narrow", connection_limit: 2 } };
//# sourceMappingURL=worlds.js.map