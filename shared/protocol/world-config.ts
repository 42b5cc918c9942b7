/** `world.config`: what a client learns of its world, at login and with `world.updated`. */
import Type, { type Static } from "typebox";

const json = Type.Record(Type.String(), Type.Unknown());
const textOrNull = Type.Union([Type.String(), Type.Null()]);
const permissions = Type.Array(Type.String());

const room = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  picture: textOrNull,
  import_id: Type.String({ description: "The room's id in the world file." }),
  pretalx_id: textOrNull,
  permissions: Type.Array(Type.String(), { description: "All room: permissions held in this room." }),
  force_join: Type.Boolean(),
  schedule_data: Type.Union([json, Type.Null()]),
  modules: Type.Array(
    Type.Object({
      type: Type.String(),
      config: Type.Record(Type.String(), Type.Unknown(), {
        description: "Always empty for modules whose type begins with call.",
      }),
      channel_id: Type.Optional(Type.String()),
    }),
  ),
});

export const worldConfig = Type.Object(
  {
    world: Type.Object({
      id: Type.String(),
      title: Type.String(),
      pretalx: json,
      profile_fields: Type.Array(json),
      social_logins: Type.Array(Type.String()),
      onsite_traits: Type.Unknown({
        description: "As the world file has it; an empty array if it has none.",
      }),
      iframe_blockers: Type.Unknown({
        description: "As the world file has it; an empty object if it has none.",
      }),
    }),
    permissions,
    rooms: Type.Array(room, {
      description: "Those in which the user holds room:view, in the world's order.",
    }),
  },
  { description: "A world as one user sees it." },
);

/** A world as one user sees it. */
export type WorldConfig = Static<typeof worldConfig>;

/** A world of examples. */
export const exampleWorldConfig: WorldConfig = {
  world: {
    id: "main",
    title: "Open Systems Days",
    pretalx: {},
    profile_fields: [{ id: "company", label: "Company", type: "text", searchable: true }],
    social_logins: [],
    onsite_traits: [],
    iframe_blockers: {},
  },
  permissions: ["room:view", "world:view"],
  rooms: [
    {
      id: "0b7c9a52-3f34-4c0e-8d6a-6a4f0f5f2b10",
      name: "Welcome",
      description: "Where everybody arrives",
      picture: null,
      import_id: "lobby",
      pretalx_id: null,
      permissions: ["room:view"],
      force_join: false,
      schedule_data: null,
      modules: [{ type: "text.markdown", config: { content: "# Hello" } }],
    },
  ],
};
