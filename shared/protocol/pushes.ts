/** The table of what a server pushes unasked, errors aside: those are rows of `errors.ts`. */
import Type, { type TSchema } from "typebox";
import type { CloseName } from "./close-codes.ts";
import { exampleSelf } from "./example-user.ts";
import { user } from "./user.ts";
import { exampleWorldConfig, worldConfig } from "./world-config.ts";

/** A row. */
interface PushRow {
  about: string;
  payload: TSchema;
  examples: readonly [object, ...object[]];
  /** How the connection is closed right after. */
  closes?: CloseName;
}

export const pushes = {
  "user.updated": {
    about: "The account of this connection changed. Never goes to the connection whose own command it was.",
    payload: user,
    examples: [exampleSelf],
  },
  "world.updated": {
    about:
      "The world changed, or the user's traits did, and this user's view of the world is another one now.",
    payload: worldConfig,
    examples: [exampleWorldConfig],
  },
  "connection.reload": {
    about: "The page has to be loaded anew.",
    payload: Type.Object({}),
    examples: [{}],
    closes: "reload",
  },
} as const satisfies Record<string, PushRow>;

/** The action of a push. */
export type PushName = keyof typeof pushes;
