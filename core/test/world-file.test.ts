/** World files: what an import does to a world, and that an export says the same again. */
import t, { type Test } from "tap";
import { createLog } from "../../shared/log.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { builtInRoles, builtInTraitGrants } from "../built-in-roles.ts";
import { createInvite } from "../invites.ts";
import { connectDatabase } from "../sql/database.ts";
import { deleteWorld, exportWorld, importWorld, listWorlds, signingKey } from "../world-file.ts";

const fortyRooms = Array.from({ length: 40 }, (_, i) => ({
  id: `room-${i}`,
  name: `Room ${i}`,
  description: `The ${i}th`,
  picture: null,
  pretalx_id: i % 2 === 0 ? String(i) : null,
  force_join: i === 3,
  schedule_data: i % 3 === 0 ? { session: i, speakers: ["Ada"] } : null,
  trait_grants: { attendee: ["ticket", ["day-1", `day-${i}`]] },
  modules: [
    { type: "chat.native", config: { volatile: i > 20 } },
    { type: "call.bigbluebutton", config: {} },
  ],
}));

/** A file that says everything, as `exportWorld` says it. */
const fullFile = {
  world: {
    id: "conf",
    title: "Conf — 🎈",
    domain: "conf.example",
    connection_limit: 3,
    JWT_secrets: [{ secret: "hush", issuer: "tickets", audience: "conf" }],
    return_origins: ["https://app.example:8443"],
    trait_badges_map: { crew: "Crew" },
    profile_fields: [{ id: "name", searchable: true, of_ours: [1, null] }],
    of_ours: { kept: true },
  },
  roles: { attendee: ["world:view", "room:view"], speaker: ["room:announce"] },
  trait_grants: { attendee: [], speaker: ["speaker", ["a", "b"]] },
  rooms: fortyRooms,
};

const smallFile = { world: { id: "small", title: "Small" }, rooms: [{ id: "lobby", name: "Lobby" }] };

async function openStore(t: Test) {
  const { databaseUrl } = await createTestStores(t);
  const sql = connectDatabase(databaseUrl, { max: 2, log: createLog("silent") });
  t.teardown(() => sql.end());
  const roomIds = async (world: string) => {
    const rows = await sql<{ id: string; import_id: string }[]>`
      select id, import_id from rooms where world_id = ${world}`;
    return new Map(rows.map((row) => [row.import_id, row.id]));
  };
  return { sql, roomIds };
}

t.test("a world of 40 rooms", async (t) => {
  const { sql, roomIds } = await openStore(t);

  t.test("is imported, its rooms in the order of the file", async (t) => {
    const imported = await importWorld(sql, null, fullFile);
    t.same(imported, { world: "conf", created: true, rooms: 40, skipped: [] });
    const rows = await sql`select import_id from rooms where world_id = 'conf' order by position`;
    t.same(
      rows.map((row) => row.import_id),
      fortyRooms.map((room) => room.id),
    );
    t.match(await listWorlds(sql), [{ id: "conf", title: "Conf — 🎈", rooms: 40, users: 0 }]);
  });

  t.test("is exported as it was imported", async (t) => {
    t.strictSame(await exportWorld(sql, "conf"), fullFile);
    t.same((await signingKey(sql, "conf"))?.secret, "hush");
  });

  t.test("imports again in place: accounts, grants and the ids of rooms stay", async (t) => {
    const before = await roomIds("conf");
    const [stays, goes] = [before.get("room-1")!, before.get("room-39")!];
    const [user] = await sql`insert into users (world_id, client_id) values ('conf', 'c') returning id`;
    await sql`insert into world_grants (world_id, user_id, role) values ('conf', ${user!.id}, 'admin')`;
    for (const room of [stays, goes]) {
      await sql`
        insert into room_grants (world_id, user_id, room_id, role) values ('conf', ${user!.id}, ${room}, 'moderator')`;
    }
    const invite = await createInvite(sql, "conf", "room-1", 60);
    await createInvite(sql, "conf", "room-39", 60);

    // Two rooms changed places, one has another name, one went and one is new.
    const [first, second, third, ...rest] = fortyRooms.slice(0, -1);
    const rooms = [second!, first!, { ...third!, name: "Renamed" }, ...rest, { id: "new", name: "New" }];
    const again = await importWorld(sql, null, { ...fullFile, rooms });
    t.same(again, { world: "conf", created: false, rooms: 40, skipped: [] });

    const after = await roomIds("conf");
    for (const { id } of fortyRooms.slice(0, -1)) t.equal(after.get(id), before.get(id), id);
    t.notOk(after.has("room-39"));
    t.ok(after.has("new"));
    const exported = await exportWorld(sql, "conf");
    t.match(
      exported?.rooms?.map((room) => room.id),
      rooms.map((room) => room.id),
    );
    t.equal(exported?.rooms?.[2]?.name, "Renamed");

    t.equal((await sql`select from users where world_id = 'conf'`).length, 1);
    t.same(await sql`select role from world_grants`, [{ role: "admin" }]);
    t.same(await sql`select room_id from room_grants`, [{ room_id: stays }]);
    t.same(await sql`select token from invites`, [{ token: invite }]);
  });

  t.test("has another version after each import, so that nodes see that it changed", async (t) => {
    const version = async () => Number((await sql`select version from worlds where id = 'conf'`)[0]!.version);
    const before = await version();
    await importWorld(sql, null, fullFile);
    t.equal(await version(), before + 1);
  });

  t.test("is deleted with all that is in it, and only it", async (t) => {
    await importWorld(sql, null, smallFile);
    await sql`insert into users (world_id, client_id) values ('small', 'c')`;
    t.equal(await deleteWorld(sql, null, "conf"), true);
    t.equal(await exportWorld(sql, "conf"), null);
    for (const table of ["rooms", "users", "world_grants", "room_grants", "invites"]) {
      const rows = await sql`select from ${sql(table)} where world_id = 'conf'`;
      t.equal(rows.length, 0, table);
    }
    t.equal(await deleteWorld(sql, null, "conf"), false, "there is none any more");
    t.match(await listWorlds(sql), [{ id: "small", rooms: 1, users: 1 }]);
  });
});

t.test("what a file leaves out", async (t) => {
  const { sql } = await openStore(t);

  t.test(
    "roles and their grants are the built-in ones, in the open where an export shows them",
    async (t) => {
      await importWorld(sql, null, smallFile);
      t.strictSame(await exportWorld(sql, "small"), {
        world: smallFile.world,
        roles: builtInRoles,
        trait_grants: builtInTraitGrants,
        rooms: [
          {
            id: "lobby",
            name: "Lobby",
            description: "",
            picture: null,
            pretalx_id: null,
            force_join: false,
            schedule_data: null,
            trait_grants: {},
            modules: [],
          },
        ],
      });
    },
  );

  t.test("roles may stand inside the world; those outside come first", async (t) => {
    const inner = { ...smallFile.world, roles: { inner: [] }, trait_grants: { inner: ["x"] } };
    await importWorld(sql, null, { world: inner });
    t.match(await exportWorld(sql, "small"), { roles: { inner: [] }, trait_grants: { inner: ["x"] } });
    await importWorld(sql, null, { world: inner, roles: { outer: [] }, trait_grants: {} });
    const exported = await exportWorld(sql, "small");
    t.strictSame(exported?.roles, { outer: [] });
    t.strictSame(exported?.trait_grants, {});
  });

  t.test("a file without rooms is a world without rooms", async (t) => {
    await importWorld(sql, null, smallFile);
    t.equal((await importWorld(sql, null, { world: smallFile.world })).rooms, 0);
    t.strictSame((await exportWorld(sql, "small"))?.rooms, []);
    t.equal((await importWorld(sql, null, { world: smallFile.world, rooms: null })).rooms, 0);
  });

  t.test("null counts as left out, and a number is fine as a pretalx id", async (t) => {
    const room = { id: "r", name: "R", description: null, modules: null, trait_grants: null, pretalx_id: 17 };
    await importWorld(sql, null, { world: smallFile.world, roles: null, trait_grants: null, rooms: [room] });
    const exported = await exportWorld(sql, "small");
    t.strictSame(exported?.roles, builtInRoles);
    t.match(exported?.rooms, [{ description: "", modules: [], trait_grants: {}, pretalx_id: "17" }]);
  });

  t.test("settings in a config block, as the platform's own API has them, are the world's", async (t) => {
    const { JWT_secrets, trait_badges_map, ...beside } = fullFile.world;
    const nested = { ...beside, id: "nested", config: { JWT_secrets, trait_badges_map, title: "never" } };
    await importWorld(sql, null, { world: nested, rooms: [] });
    t.match(await exportWorld(sql, "nested"), {
      world: { title: "Conf — 🎈", JWT_secrets, trait_badges_map },
    });
    t.notOk("config" in (await exportWorld(sql, "nested"))!.world);
    t.equal((await signingKey(sql, "nested"))?.secret, "hush");
  });

  t.test("a top-level key that means nothing here is skipped and reported", async (t) => {
    const { skipped } = await importWorld(sql, null, { ...smallFile, exhibitors: [], version: 3 });
    t.same(skipped, ["exhibitors", "version"]);
    t.notMatch(await exportWorld(sql, "small"), { version: 3 });
  });
});
