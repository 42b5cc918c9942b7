/** The user object as clients see it. */
import Type from "typebox";

export const user = Type.Object({
  id: Type.String({ format: "uuid" }),
  profile: Type.Record(Type.String(), Type.Unknown()),
  pretalx_id: Type.Union([Type.String(), Type.Null()]),
  badges: Type.Array(Type.String()),
  inactive: Type.Boolean(),
  deleted: Type.Boolean(),
  /** Only for callers with `world:users.manage`. */
  moderation_state: Type.Optional(
    Type.Union([Type.Literal(""), Type.Literal("silenced"), Type.Literal("banned")]),
  ),
  /** Only for callers with `world:users.manage`. */
  token_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  /** Only to the user itself; a kiosk's also to managers. */
  client_state: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

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
