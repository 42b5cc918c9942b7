/** Protocol, sections 3 to 5: moderation, deletion, the audit log, and what roles give. */
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import postgres from "postgres";
import t from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import { runFoyer } from "../../shared/testing/cluster.ts";
import { answerTo, KEY, mainWorld, sign, startConformance } from "./conformance.ts";

/** A world in which everything that section 5 says of roles shows. */
const rolesWorld = {
  world: { id: "roles", title: "Roles", JWT_secrets: [KEY] },
  roles: {
    seen: ["world:view"],
    all: ["room:view", "room:chat.read", "room:chat.join", "room:chat.send", "world:chat.direct"],
    and: ["room:announce"],
    or: ["room:viewers"],
    nested: ["room:invite"],
    nobody: ["room:delete"],
    granted: ["room:update", "world:users.list"],
    __kiosk: ["world:update"],
  },
  trait_grants: {
    seen: [],
    all: [],
    and: ["a", "b"],
    or: [["c", "d"]],
    nested: ["a", ["c", "d"]],
    nobody: [[]],
    missing: [],
    granted: null,
  },
  rooms: [
    { id: "one", name: "One", trait_grants: { granted: ["room-trait"] } },
    { id: "two", name: "Two" },
  ],
};

t.test("protocol 3 to 5, over two gateways and two workers", async (t) => {
  const cluster = await startConformance(t, [mainWorld, rolesWorld]);
  const { connect, enter, person, guest, admin } = cluster;
  const sql = postgres(cluster.databaseUrl, { max: 2 });
  t.teardown(() => sql.end());
  const moderator = await admin();
  const nothing = { ok: true, body: {} };
  const denied = { code: "auth.denied", message: "Permission denied." };
  const ask = (action: string, id: string) => moderator.ask(`user.${action}`, { id });
  const stateOf = async (id: string) => (await moderator.ask("user.fetch", { id })).body.moderation_state;
  const audit = async (id: string) => {
    const rows =
      await sql`select event, actor_id, data, command_id from audit_log where user_id = ${id} order by id`;
    return rows.map(({ event, actor_id, data, command_id }) => ({
      event,
      actor: actor_id,
      data,
      command: command_id,
    }));
  };
  /** A person with a connection on either node. */
  const onBoth = async (payload: object) =>
    [await enter(payload, "main", 0), await enter(payload, "main", 1)] as const;
  type Client = Awaited<ReturnType<typeof enter>>;
  const isCutOff = async (client: Client) => {
    t.strictSame(await client.next(), ["connection.reload", {}]);
    t.equal((await client.closed()).code, 4000);
  };

  for (const action of ["ban", "silence", "reactivate", "delete"]) {
    t.test(`user.${action}: unknown or deleted is user.not_found, oneself user.${action}.self`, async (t) => {
      const gone = await person();
      t.ok((await ask("delete", gone.id)).ok);
      for (const id of [randomUUID(), gone.id, "x", "", "\u0000"]) {
        t.strictSame(await ask(action, id), { ok: false, body: { code: "user.not_found" } }, id);
      }
      for (const id of [moderator.id, moderator.id.toUpperCase()]) {
        t.strictSame(await ask(action, id), { ok: false, body: { code: `user.${action}.self` } });
      }
    });
  }

  t.test("banned: locked out completely, from the answer on, on every node", async (t) => {
    const payload = { client_id: randomUUID() };
    const [near, far] = await onBoth(payload);
    const id = near.id;
    t.strictSame(await ask("ban", id), nothing);
    far.send(["user.update", 1, { profile: { late: true } }]);
    for (const client of [near, far]) await isCutOff(client);
    for (const gateway of [0, 1]) {
      t.strictSame(await answerTo(await connect("main", gateway), ["authenticate", payload]), [
        "error",
        denied,
      ]);
    }
    t.equal(await stateOf(id), "banned");
    t.strictSame((await moderator.ask("user.fetch", { id })).body.profile, {}, "nothing of it took effect");
    t.strictSame((await moderator.ask("user.online_status", { ids: [id] })).body, { [id]: false });
    t.strictSame(await ask("ban", id), nothing, "twice does no harm");
    t.strictSame(await ask("silence", id), nothing, "silencing a banned user changes nothing");
    t.equal(await stateOf(id), "banned");
    t.strictSame(await ask("reactivate", id), nothing);
    t.equal(await stateOf(id), "");
    t.equal((await enter(payload)).id, id, "from then on logging in works");
    const [banned, reactivated, ...more] = await audit(id);
    t.strictSame(more, []);
    t.match(
      [banned, reactivated],
      [
        { event: "banned", actor: moderator.id, command: String },
        { event: "reactivated", actor: moderator.id, command: String },
      ],
    );
  });

  t.test("who is being cut off hears of nothing else, whatever was missed", async (t) => {
    const [silenced, deleted, other] = await Promise.all([1, 2, 3].map(() => guest("main", 0)));
    // As committed by a worker that has not raised the fence yet.
    await sql`
      update users set moderation_state = 'silenced', version = version + 1, cut_off_version = version + 1
      where id = ${silenced!.id}`;
    await sql`update users set deleted_at = now(), profile = '{}', version = version + 1 where id = ${deleted!.id}`;
    await sql`update users set version = version + 1 where id = ${other!.id}`;
    const link = new Redis(cluster.redisUrl);
    t.teardown(() => link.disconnect());
    const keys = createKeys(cluster.redisPrefix);
    // What cannot be read has gateways ask how things stand.
    for (const each of [silenced, deleted, other])
      await link.publish(keys.userChannel("main", each!.id), "?");
    t.match(await other!.next(), ["user.updated", { id: other!.id }]);
    for (const each of [silenced, deleted]) t.strictSame(await answerTo(each!, ["ping", 1]), ["pong", 1]);
  });

  t.test("silenced: keeps exactly world:view, room:view, room:chat.read and room:chat.join", async (t) => {
    const payload = { token: sign({ uid: randomUUID(), traits: ["admin"] }) };
    const [near, far] = await onBoth(payload);
    t.strictSame(await ask("silence", near.id), nothing);
    for (const client of [near, far]) await isCutOff(client);
    const back = await enter(payload);
    t.equal(back.id, near.id);
    t.strictSame(back.login["world.config"].permissions, [
      "room:chat.join",
      "room:chat.read",
      "room:view",
      "world:view",
    ]);
    for (const room of back.login["world.config"].rooms) {
      t.strictSame(room.permissions, ["room:chat.join", "room:chat.read", "room:view"]);
    }
    t.strictSame(await back.ask("user.ban", { id: randomUUID() }), { ok: false, body: denied });
    t.ok(
      (await back.ask("user.update", { profile: { still: "may" } })).ok,
      "world:view is all that it takes",
    );
    t.equal(await stateOf(back.id), "silenced");
    t.strictSame(await ask("reactivate", back.id), nothing);
    const [action, config] = await back.take("world.updated");
    t.equal(action, "world.updated");
    t.ok(config.permissions.includes("world:users.manage"), "and hears that it may do all again");
    t.strictSame(
      (await audit(back.id)).map(({ event }) => event),
      ["silenced", "profile", "reactivated"],
    );
  });

  t.test("a silenced user can be banned, and a kiosk and an anonymous user too", async (t) => {
    const { user: kiosk } = (await moderator.ask("user.kiosk.create", {})).body;
    const user = await guest();
    for (const id of [user.id, kiosk]) {
      t.strictSame(await ask("silence", id), nothing);
      t.strictSame(await ask("ban", id), nothing);
      t.equal(await stateOf(id), "banned");
    }
    t.equal((await moderator.ask("user.kiosk.fetch", { id: kiosk })).body.moderation_state, "banned");
  });

  t.test("deleted: emptied, forgotten, cut off; the same token makes a new account", async (t) => {
    const uid = randomUUID();
    const claims = {
      uid,
      traits: ["speaker"],
      profile: { display_name: "Secretly Ada" },
      pretalx_id: "GONE",
    };
    const [near, far] = await onBoth({ token: sign(claims) });
    const id = near.id;
    const friend = await person();
    t.ok(
      (await near.ask("user.update", { profile: { display_name: "Ada again" }, client_state: { s: 1 } })).ok,
    );
    await far.take("user.updated");
    t.ok((await friend.ask("user.block", { id })).ok);
    t.ok((await near.ask("user.block", { id: friend.id })).ok);
    await runFoyer(
      ["user", "grant", "--world", "main", "--id", id, "--role", "moderator"],
      cluster.environment,
    );
    for (const client of [near, far]) await client.take("world.updated");
    for (const client of [near, far]) client.heard.length = 0;
    t.strictSame(await ask("delete", id), nothing);
    for (const client of [near, far]) await isCutOff(client);
    t.match((await friend.ask("user.fetch", { id })).body, {
      id,
      profile: {},
      deleted: true,
      badges: [],
      pretalx_id: null,
    });
    t.strictSame((await friend.ask("user.list.blocked", {})).body, []);
    t.notOk((await moderator.ask("user.list", {})).body[id]);
    const tables = ["world_grants", "room_grants", "blocks", "social_accounts", "search_entries"];
    for (const table of tables) {
      t.equal((await sql`select from ${sql(table)} where user_id = ${id}`).length, 0, table);
    }
    t.match(await sql`select client_id, token_id, profile, client_state from users where id = ${id}`, [
      { client_id: null, token_id: null, profile: {}, client_state: {} },
    ]);
    const rows = await audit(id);
    t.notMatch(JSON.stringify(rows), /Ada/);
    t.strictSame(
      rows.map(({ event }) => event),
      ["profile", "blocked", "granted", "deleted"],
    );
    const again = await enter({ token: sign(claims) });
    t.not(again.id, id);
    t.match(again.me, { profile: { display_name: "Secretly Ada" }, pretalx_id: "GONE" });
  });

  t.test("each event of the audit log has a row that says who, whom, what and when", async (t) => {
    const uid = randomUUID();
    const [user, other] = [await enter({ token: sign({ uid }) }), await guest()];
    const { id } = user;
    await enter({ token: sign({ uid, traits: ["speaker"], pretalx_id: "AUDIT" }) });
    t.ok((await user.ask("user.update", { profile: { n: 1 } })).ok);
    t.ok((await user.ask("user.update", { profile: { n: 1 }, client_state: { n: 2 } })).ok);
    t.ok((await moderator.ask("user.admin.update", { id, profile: { n: 2 } })).ok);
    t.ok((await moderator.ask("user.admin.update", { id, pretalx_id: "" })).ok);
    t.ok((await other.ask("user.block", { id })).ok);
    t.ok((await other.ask("user.unblock", { id })).ok);
    for (const action of ["silence", "reactivate", "ban", "ban", "reactivate", "reactivate"])
      t.ok((await ask(action, id)).ok);
    const [boss, self, friend] = [moderator.id, id, other.id];
    t.strictSame(
      (await audit(id)).map(({ event, actor, data }) => [event, actor, data]),
      [
        ["traits", self, { old: [], new: ["speaker"] }],
        ["pretalx_id", self, { old: null, new: "AUDIT", by_admin: false }],
        ["profile", self, { old: {}, new: { n: 1 }, by_admin: false }],
        ["profile", boss, { old: { n: 1 }, new: { n: 2 }, by_admin: true }],
        ["pretalx_id", boss, { old: "AUDIT", new: null, by_admin: true }],
        ["blocked", friend, {}],
        ["unblocked", friend, {}],
        ["silenced", boss, { old: "" }],
        ["reactivated", boss, { old: "silenced" }],
        ["banned", boss, { old: "" }],
        ["reactivated", boss, { old: "banned" }],
      ],
    );
    const together = await sql`
      select a.command_id from audit_log a join command_log c on c.command_id = a.command_id and c.xmin = a.xmin
      where a.user_id = ${id}`;
    t.equal(together.length, 11, "each in the transaction of its change");
  });

  t.test("roles: all requirements must hold, of a list one; [] is everyone of type person", async (t) => {
    const enterRoles = async (traits: string[]) => {
      const { login } = await enter({ token: sign({ uid: randomUUID(), traits }) }, "roles");
      const { permissions, rooms } = login["world.config"];
      const inRooms = Object.fromEntries(
        rooms.map((room: { import_id: string; permissions: string[] }) => [room.import_id, room.permissions]),
      );
      return { permissions, ...inRooms };
    };
    const base = ["room:chat.join", "room:chat.read", "room:chat.send", "room:view"];
    const world = ["world:chat.direct", "world:view"];
    t.strictSame(await enterRoles([]), { permissions: [...base, ...world], one: base, two: base });
    for (const [traits, more] of [
      [["a"], []],
      [["a", "b"], ["room:announce"]],
      [["c"], ["room:viewers"]],
      [["d"], ["room:viewers"]],
      [
        ["a", "d"],
        ["room:invite", "room:viewers"],
      ],
    ] as [string[], string[]][]) {
      const permissions = [...base, ...more].sort();
      t.strictSame(await enterRoles(traits), {
        permissions: [...permissions, ...world],
        one: permissions,
        two: permissions,
      });
    }
    const inOne = [...base, "room:update"].sort();
    t.strictSame(await enterRoles(["room-trait"]), {
      permissions: [...base, ...world],
      one: inOne,
      two: base,
    });
  });

  t.test(
    "explicit grants, on the world or a room, add to that, and reach whoever is connected",
    async (t) => {
      const user = await guest("roles");
      const grant = (action: string, ...more: string[]) =>
        runFoyer(
          ["user", action, "--world", "roles", "--id", user.id, "--role", "granted", ...more],
          cluster.environment,
        );
      await grant("grant", "--room", "two");
      const [, config] = await user.take("world.updated");
      const rights = (id: string) =>
        config.rooms.find((room: { import_id: string }) => room.import_id === id).permissions;
      t.ok(rights("two").includes("room:update"));
      t.notOk(rights("one").includes("room:update"));
      t.notOk(config.permissions.includes("world:users.list"), "a room's role gives nothing on the world");
      t.strictSame(await user.ask("user.list", {}), { ok: false, body: denied });
      await grant("grant");
      t.ok((await user.take("world.updated"))[1].permissions.includes("world:users.list"));
      t.ok((await user.ask("user.list", {})).ok);
      await grant("revoke");
      t.notOk((await user.take("world.updated"))[1].permissions.includes("world:users.list"));
      t.strictSame(await user.ask("user.list", {}), { ok: false, body: denied });
    },
  );
});
