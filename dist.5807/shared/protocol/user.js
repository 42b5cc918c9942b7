/** The user object as clients see it. */
import Type from "typebox";
export const user = Type.Object({
    id: Type.String({ format: "uuid" }),
    profile: Type.Record(Type.String(), Type.Unknown(), {
        description: "What the user wrote; display_name by custom.",
    }),
    pretalx_id: Type.Union([Type.String(), Type.Null()], { description: "The id of a speaker." }),
    badges: Type.Array(Type.String(), { description: "Sorted; made from traits." }),
    inactive: Type.Boolean({ description: "No login for 36 hours, or never." }),
    deleted: Type.Boolean({ description: "The account is gone; its profile is empty." }),
    moderation_state: Type.Optional(Type.Union([Type.Literal(""), Type.Literal("silenced"), Type.Literal("banned")], {
        description: "Only for callers with world:users.manage.",
    })),
    token_id: Type.Optional(Type.Union([Type.String(), Type.Null()], {
        description: "The uid of the account's tokens; only for callers with world:users.manage.",
    })),
    client_state: Type.Optional(Type.Record(Type.String(), Type.Unknown(), {
        description: "Only to the user itself; a kiosk's also to callers with world:users.manage.",
    })),
}, { description: "A user as somebody sees it." });
/** A kiosk with what it logs in with; null where the world has no key to sign with. */
export const kioskWithToken = Type.Intersect([
    user,
    Type.Object({ token: Type.Union([Type.String(), Type.Null()]) }),
]);
/** Users by the key that was asked for. */
export const usersByKey = Type.Record(Type.String(), user);
/** A page of users, and where the next one begins; null: nowhere. */
export const usersPage = Type.Object({
    users: usersByKey,
    next: Type.Union([Type.String(), Type.Null()]),
});
//# sourceMappingURL=user.js.map