import t from "tap";
import { resolveAccess, type Subject } from "../permissions.ts";
import { compileWorld } from "../world.ts";

const world = compileWorld(
  {
    id: "w",
    version: 1,
    settings: { title: "W" },
    roles: {
      attendee: ["world:view", "room:view", "room:chat.send"],
      speaker: ["room:speak"],
      staff: ["world:update"],
    },
    trait_grants: { attendee: [], staff: ["staff", ["day-1", "day-2"]] },
  },
  [room("stage", { speaker: ["speaker"] }), room("lobby", {})],
);

function room(id: string, grants: Record<string, string[]>) {
  return {
    id,
    import_id: id,
    name: id,
    description: "",
    picture: null,
    pretalx_id: null,
    force_join: false,
    schedule_data: null,
    trait_grants: grants,
    modules: [],
  };
}

const subject = (change: Partial<Subject>): Subject => ({
  type: "person",
  traits: [],
  moderation_state: "",
  deleted: false,
  world_roles: [],
  room_roles: [],
  ...change,
});

const onWorld = (change: Partial<Subject>) => [...resolveAccess(world, subject(change)).world];

t.test("[] admits everyone of type person, and nobody of another type", async (t) => {
  t.strictSame(onWorld({}), ["room:chat.send", "room:view", "world:view"]);
  t.strictSame(onWorld({ type: "anon" }), []);
  t.strictSame(onWorld({ type: "kiosk" }), []);
});

t.test("all requirements of a role must hold, of an array of traits one", async (t) => {
  t.notOk(onWorld({ traits: ["staff"] }).includes("world:update"));
  t.notOk(onWorld({ traits: ["day-1"] }).includes("world:update"));
  t.ok(onWorld({ traits: ["staff", "day-2"] }).includes("world:update"));
});

t.test("explicit grants add to what traits give", async (t) => {
  t.ok(onWorld({ world_roles: ["staff"] }).includes("world:update"));
  t.strictSame(onWorld({ type: "anon", world_roles: ["__anonymous_world"] }), ["world:view"]);
});

t.test("room permissions are the union of world-level and room-level ones", async (t) => {
  const { rooms } = resolveAccess(world, subject({ traits: ["speaker"] }));
  t.strictSame(rooms.get("stage"), ["room:chat.send", "room:speak", "room:view"]);
  t.strictSame(rooms.get("lobby"), ["room:chat.send", "room:view"]);
  const anonymous = resolveAccess(
    world,
    subject({ type: "anon", room_roles: [["lobby", "__anonymous_room"]] }),
  );
  t.notOk(anonymous.rooms.has("stage"));
  t.ok(anonymous.rooms.get("lobby")?.includes("room:view"));
});

t.test("a silenced user's permissions are cut to four, a banned or deleted one has none", async (t) => {
  t.strictSame(onWorld({ moderation_state: "silenced" }), ["room:view", "world:view"]);
  t.strictSame(onWorld({ moderation_state: "banned" }), []);
  t.strictSame(onWorld({ deleted: true }), []);
  t.equal(resolveAccess(world, subject({ moderation_state: "banned" })).rooms.size, 0);
});

t.test("a role that the world does not know gives nothing", async (t) => {
  t.strictSame(onWorld({ type: "anon", world_roles: ["constructor", "nobody"] }), []);
});
