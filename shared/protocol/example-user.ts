/** The user of the tables' examples. */
import type { Static } from "typebox";
import type { user } from "./user.ts";

/** As anybody sees it. */
export const exampleUser: Static<typeof user> = {
  id: "5f9e2a6c-0c57-4c5e-9a43-3d1b7f0a8e21",
  profile: { display_name: "Ada Lovelace", fields: { company: "Analytical Engines" } },
  pretalx_id: "ABCDEF",
  badges: ["Speaker"],
  inactive: false,
  deleted: false,
};

/** The same user, as it sees itself. */
export const exampleSelf: Static<typeof user> = { ...exampleUser, client_state: { theme: "dark" } };
