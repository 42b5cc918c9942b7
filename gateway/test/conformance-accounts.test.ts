/** Protocol, section 2: as whom somebody gets in, what a login changes, and how many connections there may be. */
import { randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import postgres from "postgres";
import t from "tap";
import { runFoyer } from "../../shared/testing/cluster.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { closedWorld, ticket } from "./closed-world.ts";
import { answerTo, insertInvite, KEY, mainWorld, sign, startConformance } from "./conformance.ts";

const { issuer, audience } = KEY;

t.test("protocol 2, over two gateways and two workers", async (t) => {
  const cluster = await startConformance(t, [mainWorld, closedWorld]);
  const { connect, enter, admin } = cluster;
  const sql = postgres(cluster.databaseUrl, { max: 2 });
  t.teardown(() => sql.end());
  const now = () => Math.floor(Date.now() / 1000);
  const invite = (room: string, world = "main", time = "1 hour") => insertInvite(sql, world, room, time);

  t.test("uid: a string or a number taken as its decimal string, long ones told apart", async (t) => {
    const raw = (digits: string) => {
      const claims = `{"uid":${digits},"iss":"${issuer}","aud":"${audience}","exp":${now() + 60}}`;
      return jwt.sign(claims, KEY.secret, { header: { alg: "HS256", typ: "JWT" } });
    };
    t.equal(
      (await enter({ token: sign({ uid: 123456 }) })).id,
      (await enter({ token: sign({ uid: "123456" }) })).id,
    );
    const [one, other] = [
      await enter({ token: raw("9007199254740993") }),
      await enter({ token: raw("9007199254740992") }),
    ];
    t.not(one.id, other.id);
    t.equal((await enter({ token: sign({ uid: "9007199254740993" }) })).id, one.id);
  });

  t.test("profile counts only at creation; traits are replaced, absent means none", async (t) => {
    const uid = randomUUID();
    const first = { uid, profile: { display_name: "First" }, traits: ["speaker", "crew", "speaker"] };
    const one = await enter({ token: sign(first) });
    t.match(one.me, { profile: { display_name: "First" }, badges: ["Crew", "Speaker"] });
    const again = await enter({
      token: sign({ ...first, profile: { display_name: "Second" }, traits: ["crew"] }),
    });
    t.match(again.me, { id: one.id, profile: { display_name: "First" }, badges: ["Crew"] });
    const none = await enter({ token: sign({ uid }) });
    t.strictSame(none.me.badges, []);
    const rows =
      await sql`select data from audit_log where user_id = ${one.id} and event = 'traits' order by id`;
    t.strictSame(
      rows.map(({ data }) => data),
      [
        { old: ["crew", "speaker"], new: ["crew"] },
        { old: ["crew"], new: [] },
      ],
    );
  });

  t.test("pretalx_id is set at creation, or where there is none; never taken from another", async (t) => {
    const [uid, other, later] = [randomUUID(), randomUUID(), randomUUID()];
    t.equal((await enter({ token: sign({ uid, pretalx_id: "P1" }) })).me.pretalx_id, "P1");
    t.equal((await enter({ token: sign({ uid, pretalx_id: "P2" }) })).me.pretalx_id, "P1");
    t.equal((await enter({ token: sign({ uid }) })).me.pretalx_id, "P1");
    t.equal((await enter({ token: sign({ uid: other, pretalx_id: "P1" }) })).me.pretalx_id, null);
    const speaker = await enter({ token: sign({ uid: later, pretalx_id: "" }) });
    t.equal(speaker.me.pretalx_id, null, "an empty one is none");
    t.equal((await enter({ token: sign({ uid: later, pretalx_id: 77 }) })).me.pretalx_id, "77");
    const rows = await sql`select data from audit_log where user_id = ${speaker.id} and event = 'pretalx_id'`;
    t.match(rows, [{ data: { old: null, new: "77" } }]);
  });

  t.test("two first logins at once make one account", async (t) => {
    for (const payload of [{ client_id: randomUUID() }, { token: sign({ uid: randomUUID() }) }]) {
      const clients = await Promise.all(Array.from({ length: 6 }, () => connect()));
      const logins = await Promise.all(clients.map((client) => client.logIn(payload)));
      t.equal(new Set(logins.map((login) => login["user.config"].id)).size, 1);
    }
  });

  t.test(
    "changed traits reach the other connections: user.updated and world.updated as far as they changed",
    async (t) => {
      const uid = randomUUID();
      const login = (traits: string[]) => enter({ token: sign({ uid, traits }) });
      const one = await login([]);
      const two = await login(["speaker"]);
      const [action, user] = await one.next();
      t.equal(action, "user.updated");
      t.match(user, { id: one.id, badges: ["Speaker"], client_state: {} });
      const three = await login(["speaker", "means-nothing"]);
      const four = await login(["speaker", "admin"]);
      for (const client of [one, two, three]) {
        const [kind, config] = await client.take("world.updated");
        t.equal(kind, "world.updated");
        t.ok(config.permissions.includes("world:users.manage"));
        t.strictSame(Object.keys(config), ["world", "permissions", "rooms"]);
      }
      t.strictSame(await four.quiet(), [], "who logged in knows it");
    },
  );

  t.test("each login sets the last-login time", async (t) => {
    const payload = { client_id: randomUUID() };
    const { id } = await enter(payload);
    await sql`update users set last_login_at = now() - interval '37 hours' where id = ${id}`;
    const other = await enter({ client_id: randomUUID() });
    t.equal((await other.ask("user.fetch", { id })).body.inactive, true);
    await enter(payload);
    t.equal((await other.ask("user.fetch", { id })).body.inactive, false);
  });

  t.test("an invite makes an anonymous user of that one room, for ever", async (t) => {
    const [stage, backstage] = [await invite("stage"), await invite("backstage")];
    const payload = { client_id: randomUUID(), invite_token: stage };
    const anon = await enter(payload);
    const { permissions, rooms } = anon.login["world.config"];
    t.strictSame(permissions, ["world:view"]);
    t.strictSame(
      rooms.map((room: { import_id: string; permissions: string[] }) => [room.import_id, room.permissions]),
      [
        [
          "stage",
          [
            "room:poll.read",
            "room:poll.vote",
            "room:question.ask",
            "room:question.read",
            "room:question.vote",
            "room:view",
          ],
        ],
      ],
    );
    for (const again of [
      payload,
      { ...payload, invite_token: backstage },
      { client_id: payload.client_id },
      { ...payload, invite_token: "x" },
    ]) {
      const back = await enter(again);
      t.equal(back.id, anon.id);
      t.strictSame(back.login["world.config"], anon.login["world.config"]);
    }
    const moderator = await admin();
    t.ok((await moderator.ask("user.update", { profile: { display_name: "anonymous-search" } })).ok);
    t.ok((await anon.ask("user.update", { profile: { display_name: "anonymous-search" } })).ok);
    const { body } = await moderator.ask("user.list.search", { search_term: "anonymous-search", page: 1 });
    t.strictSame(
      body.results.map((user: { id: string }) => user.id),
      [moderator.id],
    );
    t.notOk((await moderator.ask("user.list", {})).body[anon.id], "not among people");
    t.ok((await moderator.ask("user.list", { type: "anon" })).body[anon.id]);
    const known = await enter({ client_id: "was here before" });
    const stays = await enter({ client_id: "was here before", invite_token: stage });
    t.equal(stays.id, known.id);
    t.ok(stays.login["world.config"].rooms.length > 1, "an account that exists stays what it is");
  });

  t.test(
    "connection.replaced: beyond connection_limit the oldest, on whichever node, closed with 4001",
    async (t) => {
      const token = sign({ uid: randomUUID(), traits: ticket });
      const first = await enter({ token }, "closed", 0);
      const second = await enter({ token }, "closed", 1);
      t.strictSame(await second.quiet(), []);
      const third = await enter({ token }, "closed", 1);
      t.strictSame(await first.next(), [
        "error",
        { code: "connection.replaced", message: "Connection replaced" },
      ]);
      t.equal((await first.closed()).code, 4001);
      await enter({ token }, "closed", 0);
      t.equal((await second.next())[1].code, "connection.replaced");
      t.strictSame(await third.quiet(), []);
      const unlimited = sign({ uid: randomUUID(), traits: [...ticket, "crew"] });
      const many = [];
      for (let i = 0; i < 4; i++) many.push(await enter({ token: unlimited }, "closed"));
      for (const client of many) t.strictSame(await client.quiet(), []);
    },
  );

  t.test("a world whose key is rotated out refuses its tokens from then on", async (t) => {
    const token = sign({ uid: "rotated" }, { issuer: "old" });
    const old = { ...KEY, issuer: "old" };
    const world = (keys: object[]) => ({
      ...mainWorld,
      world: { ...mainWorld.world, id: "rotating", JWT_secrets: keys },
    });
    const put = (keys: object[]) =>
      runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(world(keys)));
    await put([old, KEY]);
    t.ok(await enter({ token }, "rotating"));
    await put([KEY]);
    await waitFor("both nodes to refuse it", async () => {
      const answers = [await connect("rotating", 0), await connect("rotating", 1)].map((client) =>
        answerTo(client, ["authenticate", { token }]),
      );
      return (await Promise.all(answers)).every(
        ([, error]) => (error as { code: string }).code === "auth.invalid_token",
      );
    });
  });
});
