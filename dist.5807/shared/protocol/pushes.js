/** The table of what a server pushes unasked, errors aside: those are rows of `errors.ts`. */
import Type, {} from "typebox";
import { exampleSelf } from "./example-user.js";
import { user } from "./user.js";
import { exampleWorldConfig, worldConfig } from "./world-config.js";
export const pushes = {
    "user.updated": {
        about: "The account of this connection changed. Never goes to the connection whose own command it was.",
        payload: user,
        examples: [exampleSelf],
    },
    "world.updated": {
        about: "The world changed, or the user's traits did, and this user's view of the world is another one now.",
        payload: worldConfig,
        examples: [exampleWorldConfig],
    },
    "connection.reload": {
        about: "The page has to be loaded anew.",
        payload: Type.Object({}),
        examples: [{}],
        closes: "reload",
    },
};
//# sourceMappingURL=pushes.js.map