/** `authenticate`: the three forms in which a client may say who it is, and what it is told. */
import Type, {} from "typebox";
import { exampleSelf } from "./example-user.js";
import { user } from "./user.js";
import { exampleWorldConfig, worldConfig } from "./world-config.js";
const clientId = Type.Union([Type.String({ minLength: 1, maxLength: 200 }), Type.Number()], {
    description: "Made up once by the client and kept, best a random UUID; a number counts as its decimal text.",
});
const withToken = Type.Object({
    token: Type.String({ description: "A JWT that a key of the world verifies; counts before a client_id." }),
});
const asGuest = Type.Object({ client_id: clientId });
const withInvite = Type.Object({ client_id: clientId, invite_token: Type.String() });
/** The forms of a login. */
export const logins = {
    guest: {
        about: "Logs a guest in, where the world admits guests.",
        body: asGuest,
        examples: [{ client_id: "8b4c0f1e-6f0c-4b7c-9d3e-2f1a5c7b9e01" }],
    },
    token: {
        about: "Logs in a person whom a ticket system vouches for.",
        body: withToken,
        examples: [{ token: "eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOiI0MiIsImV4cCI6MTkwMDAwMDAwMH0.c2lnbmF0dXJl" }],
    },
    invite: {
        about: "Logs in an anonymous user who was invited to one room.",
        body: withInvite,
        examples: [{ client_id: "8b4c0f1e-6f0c-4b7c-9d3e-2f1a5c7b9e01", invite_token: "a2C2j5" }],
    },
};
/** What a refused login may be told, besides what any command may be. */
export const loginErrors = [
    "auth.missing_id_or_token",
    "auth.invalid_token",
    "auth.expired_token",
    "auth.missing_token",
    "auth.denied",
];
/** The payload of `authenticated`. */
export const authenticated = Type.Object({
    "user.config": user,
    "world.config": worldConfig,
    "chat.channels": Type.Array(Type.Object({
        id: Type.String(),
        unread_pointer: Type.Integer(),
        members: Type.Optional(Type.Array(user)),
    }), { description: "The user's chat channels; empty as long as there is no chat." }),
    "chat.read_pointers": Type.Record(Type.String(), Type.Integer(), {
        description: "The last event read of each channel; empty as long as there is no chat.",
    }),
});
export const exampleAuthenticated = {
    "user.config": exampleSelf,
    "world.config": exampleWorldConfig,
    "chat.channels": [],
    "chat.read_pointers": {},
};
//# sourceMappingURL=authenticate.js.map