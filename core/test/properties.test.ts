/** What holds of any world: who may do what in it, and that its file says all of it. */
import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { createLog } from "../../shared/log.ts";
import { anyText, holds, trickyName } from "../../shared/testing/properties.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { resolveAccess, type Subject } from "../permissions.ts";
import { connectDatabase } from "../sql/database.ts";
import { compileWorld } from "../world.ts";
import { exportWorld, importWorld, WorldFileError } from "../world-file.ts";
import { mayInRoom, mayOnWorld, permissionNames, type Rules, roleNames } from "./permission-rules.ts";

const trait = fc.oneof(fc.constantFrom("a", "b", "c", 'a","b'), trickyName);
const role = fc.oneof(fc.constantFrom(...roleNames), trickyName);
const permission = fc.constantFrom(...permissionNames);

/** An object of these keys, made so that `__proto__` is one of them like any other. */
const record = <T>(key: fc.Arbitrary<string>, value: fc.Arbitrary<T>, maxLength = 4) =>
  fc
    .array(fc.tuple(key, value), { maxLength })
    .map((entries) => Object.fromEntries(entries) as Record<string, T>);

const requirement = fc.oneof(trait, fc.array(trait, { maxLength: 3 }));
const grants = record(role, fc.array(requirement, { maxLength: 3 }), 6);
const roles = record(role, fc.array(permission, { maxLength: 4 }), 6);

const roomIds = ["stage", "lobby"] as const;
const rules: fc.Arbitrary<Rules> = fc.record({
  roles,
  worldGrants: grants,
  roomGrants: fc.record({ stage: grants, lobby: grants }),
});

const subject: fc.Arbitrary<Subject> = fc.record({
  type: fc.constantFrom("person", "person", "anon", "kiosk"),
  traits: fc.array(trait, { maxLength: 4 }),
  moderation_state: fc.constantFrom("", "", "", "silenced", "banned"),
  deleted: fc.constantFrom(false, false, false, true),
  world_roles: fc.array(role, { maxLength: 2 }),
  room_roles: fc.array(fc.tuple(fc.constantFrom(...roomIds, "elsewhere"), role), { maxLength: 3 }),
});

function worldOf({ roles, worldGrants, roomGrants }: Rules) {
  const rooms = roomIds.map((id) => ({
    id,
    import_id: id,
    name: id,
    description: "",
    picture: null,
    pretalx_id: null,
    force_join: false,
    schedule_data: null,
    trait_grants: roomGrants[id],
    modules: [],
  }));
  return compileWorld({ id: "w", version: 1, settings: {}, roles, trait_grants: worldGrants }, rooms);
}

t.test("permissions are what the rules give, asked one by one", async (t) => {
  await holds(fc.tuple(rules, subject, subject), 1_000, ([rules, one, other]) => {
    const world = worldOf(rules);
    // Also those who differ in one thing alone: what is remembered of one must not serve another.
    const between = Object.entries(other).map(([key, value]) => ({ ...one, [key]: value }));
    for (const subject of [one, ...between, other, one]) {
      const access = resolveAccess(world, subject);
      const onWorld = permissionNames.filter((name) => mayOnWorld(rules, subject, name)).sort();
      deepStrictEqual([...access.world], onWorld);
      for (const room of roomIds) {
        const inRoom = permissionNames.filter((name) => mayInRoom(rules, subject, room, name)).sort();
        deepStrictEqual(access.rooms.get(room) ?? [], inRoom, room);
      }
    }
  });
  t.pass();
});

const json = fc.jsonValue({ maxDepth: 3, stringUnit: "grapheme" });
const text = fc.oneof({ weight: 5, arbitrary: fc.string({ unit: "grapheme" }) }, anyText);
const key = fc.oneof(fc.string({ unit: "grapheme", maxLength: 6 }), trickyName);
const object = record(key, json);
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });

const room = fc.record(
  {
    id: fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 3 }),
    name: text,
    description: orNull(text),
    picture: orNull(text),
    pretalx_id: orNull(fc.oneof(text, fc.integer())),
    force_join: orNull(fc.boolean()),
    schedule_data: orNull(object),
    trait_grants: orNull(grants),
    modules: orNull(
      fc.array(fc.record({ type: text, config: orNull(object) }, { requiredKeys: ["type"] }), {
        maxLength: 3,
      }),
    ),
  },
  { requiredKeys: ["id", "name"] },
);

const world = fc
  .tuple(
    fc.record(
      {
        title: text,
        domain: orNull(text),
        connection_limit: orNull(fc.nat()),
        trait_badges_map: orNull(record(key, text)),
        social_logins: orNull(fc.array(text, { maxLength: 2 })),
        pretalx: orNull(object),
        roles: orNull(roles),
        trait_grants: orNull(grants),
      },
      { requiredKeys: ["title"] },
    ),
    record(
      key.map((name) => `x_${name}`),
      json,
    ),
  )
  .map(([known, kept]) => ({ ...known, ...kept, id: "w" }));

const file = fc.record(
  {
    world,
    roles: orNull(roles),
    trait_grants: orNull(grants),
    rooms: orNull(fc.uniqueArray(room, { selector: ({ id }) => id, maxLength: 4 })),
  },
  { requiredKeys: ["world"] },
);

/** What a room of a file says, in the form of an export: what is null or left out says nothing. */
function saidOf(room: Record<string, unknown>) {
  const said = Object.fromEntries(Object.entries(room).filter(([, value]) => value != null));
  const modules = said.modules as { type: string; config?: object | null }[] | undefined;
  return {
    ...said,
    ...(said.pretalx_id !== undefined && { pretalx_id: String(said.pretalx_id) }),
    ...(modules && { modules: modules.map(({ type, config }) => ({ type, config: config ?? {} })) }),
  };
}

t.test("a world that is exported and imported again is the same", async (t) => {
  const { databaseUrl } = await createTestStores(t);
  const sql = connectDatabase(databaseUrl, { max: 2, log: createLog("silent") });
  t.teardown(() => sql.end());
  const counts = { imported: 0, refused: 0 };
  // Each is imported over the one before: what that one left must not show.
  await holds(file, 150, async (file) => {
    const before = await exportWorld(sql, "w");
    const given = JSON.parse(JSON.stringify(file));
    try {
      await importWorld(sql, null, given);
    } catch (error) {
      if (!(error instanceof WorldFileError)) throw error;
      counts.refused++;
      deepStrictEqual(await exportWorld(sql, "w"), before, "a refused file changes nothing");
      return;
    }
    counts.imported++;
    const exported = await exportWorld(sql, "w");
    const { roles, trait_grants: grants, ...settings } = given.world;
    deepStrictEqual(exported?.world, settings, "the settings are kept as they are");
    if ((given.roles ?? roles) != null) deepStrictEqual(exported?.roles, given.roles ?? roles);
    if ((given.trait_grants ?? grants) != null) {
      deepStrictEqual(exported?.trait_grants, given.trait_grants ?? grants);
    }
    const rooms: Record<string, unknown>[] = given.rooms ?? [];
    deepStrictEqual(exported?.rooms?.length, rooms.length);
    for (const [i, room] of rooms.entries()) {
      deepStrictEqual({ ...exported?.rooms?.[i], ...saidOf(room) }, exported?.rooms?.[i]);
    }
    await importWorld(sql, null, exported);
    deepStrictEqual(await exportWorld(sql, "w"), exported);
  });
  t.comment(`${counts.imported} imported, ${counts.refused} refused`);
  t.ok(counts.imported > 50 && counts.refused > 5, "both were tried");
});
