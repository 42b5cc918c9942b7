import jwt from "jsonwebtoken";
import t from "tap";
import { createInvite } from "../invites.ts";
import { importWorld } from "../world-file.ts";
import { SECRET, startTestWorker } from "./worker.ts";

const token = (claims: object = {}, secret = SECRET) =>
  jwt.sign({ uid: "ada", ...claims }, secret, { issuer: "tickets", audience: "conf", expiresIn: 60 });

t.test("authenticate", async (t) => {
  const { wire, sql } = await startTestWorker(t, { FOYER_MAX_FAILED_LOGINS_PER_IP: "3" });
  const authenticate = (payload: unknown, world = "w", address: string | null = null) =>
    wire.ask({ world, address, frame: JSON.stringify(["authenticate", 1, payload]) });
  const code = async (payload: unknown, world = "w", address: string | null = null) =>
    (await authenticate(payload, world, address)).json[2]?.code;

  t.test("a guest gets an account, and the same one the next time", async (t) => {
    const first = await authenticate({ client_id: "guest-1" });
    const [action, answer] = first.json;
    t.equal(action, "authenticated");
    t.match(answer["user.config"], {
      profile: {},
      badges: [],
      inactive: false,
      deleted: false,
      client_state: {},
    });
    t.strictSame(answer["chat.channels"], []);
    t.strictSame(answer["chat.read_pointers"], {});
    t.equal(answer["world.config"].world.id, "w");
    const again = await authenticate({ client_id: "guest-1" });
    t.equal(again.json[1]["user.config"].id, answer["user.config"].id);
    t.not((await authenticate({ client_id: "guest-2" })).json[1]["user.config"].id, answer["user.config"].id);
  });

  t.test("a number as client_id is taken as its decimal string", async (t) => {
    const number = await authenticate({ client_id: 4711 });
    const text = await authenticate({ client_id: "4711" });
    t.equal(number.json[1]["user.config"].id, text.json[1]["user.config"].id);
  });

  t.test("two first logins at once make one account", async (t) => {
    const frame = JSON.stringify(["authenticate", { client_id: "twins" }]);
    const { replies } = await wire.send([{ frame }, { frame, connection: 2 }]);
    const users = (await replies).map((reply) => reply.effect?.kind === "login" && reply.effect.user);
    t.ok(users[0]);
    t.equal(users[0], users[1]);
  });

  t.test("a token brings traits, profile and pretalx_id; badges come from the traits", async (t) => {
    const claims = {
      uid: "grace",
      traits: ["speaker"],
      profile: { display_name: "Grace" },
      pretalx_id: "GRC",
    };
    const { json } = await authenticate({ token: token(claims), client_id: "ignored" });
    const expected = { profile: { display_name: "Grace" }, pretalx_id: "GRC", badges: ["Speaker"] };
    t.match(json[1]["user.config"], expected);
  });

  t.test("an account that exists keeps its profile, and takes the token's traits", async (t) => {
    const first = await authenticate({ token: token({ uid: "t1", profile: { display_name: "One" } }) });
    const id = first.json[1]["user.config"].id;
    const news = await wire.listen("w", id);
    const second = await authenticate({
      token: token({ uid: "t1", traits: ["crew"], profile: { display_name: "Two" } }),
    });
    t.match(second.json[1]["user.config"], { id, profile: { display_name: "One" }, badges: ["Crew"] });
    const broadcast = await news.next();
    t.match(JSON.parse(broadcast.frame!)[1], { badges: ["Crew"] });
    t.equal(broadcast.version, 2);
    const audit =
      await sql`select event, data, actor_id from audit_log where world_id = 'w' and user_id = ${id}`;
    t.strictSame([...audit], [{ event: "traits", data: { old: [], new: ["crew"] }, actor_id: id }]);
  });

  t.test("traits that contain line breaks are told apart from those that they are made of", async (t) => {
    const badges = async (traits: string[]) =>
      (await authenticate({ token: token({ uid: "breaks", traits }) })).json[1]["user.config"].badges;
    t.strictSame(await badges(["crew\nday-1"]), []);
    t.strictSame(await badges(["crew", "day-1"]), ["Crew"]);
    t.strictSame(await badges(["crew\nday-1"]), []);
  });

  t.test("a role whose requirements are null in the world file is nobody's by traits", async (t) => {
    const room = { id: "hall", name: "Hall", trait_grants: { guide: null, attendee: [] } };
    await importWorld(sql, null, {
      world: {
        id: "nulls",
        title: "Nulls",
        JWT_secrets: [{ secret: SECRET, issuer: "tickets", audience: "conf" }],
      },
      roles: { attendee: ["world:view"], crew: ["world:view", "room:view"], guide: ["room:announce"] },
      trait_grants: { attendee: null, crew: ["crew"], guide: null },
      rooms: [room],
    });
    t.equal(await code({ client_id: "anybody" }, "nulls"), "auth.missing_token");
    t.equal(await code({ token: token({ traits: ["attendee", "guide", "null"] }) }, "nulls"), "auth.denied");
    const { json } = await authenticate({ token: token({ traits: ["crew"] }) }, "nulls");
    t.strictSame(json[1]["world.config"].permissions, ["room:view", "world:view"]);
    t.strictSame(json[1]["world.config"].rooms[0].permissions, ["room:view"]);
  });

  t.test("a pretalx_id that another account has is left to it", async (t) => {
    await authenticate({ token: token({ uid: "p1", pretalx_id: "SAME" }) });
    const { json } = await authenticate({ token: token({ uid: "p2", pretalx_id: "SAME" }) });
    t.equal(json[1]["user.config"].pretalx_id, null);
  });

  t.test("an invite makes an anonymous user of that one room, for ever", async (t) => {
    const hall = await createInvite(sql, "closed", "hall", 60);
    const { json } = await authenticate({ client_id: "anon-1", invite_token: hall }, "closed");
    t.equal(json[0], "authenticated");
    t.strictSame(json[1]["world.config"].permissions, ["world:view"]);
    t.strictSame(
      json[1]["world.config"].rooms.map((room: { import_id: string }) => room.import_id),
      ["hall"],
    );
    const later = await authenticate({ client_id: "anon-1" }, "closed");
    t.equal(later.json[1]["user.config"].id, json[1]["user.config"].id);
    const [user] = await sql`select type from users where id = ${json[1]["user.config"].id}`;
    t.equal(user?.type, "anon");
  });

  t.test("auth.missing_id_or_token", async (t) => {
    for (const payload of [
      {},
      "text",
      null,
      [],
      { client_id: "" },
      { client_id: {} },
      { client_id: "x".repeat(201) },
    ]) {
      t.equal(await code(payload), "auth.missing_id_or_token", JSON.stringify(payload));
    }
  });

  t.test("auth.invalid_token", async (t) => {
    t.equal(await code({ token: "nonsense" }), "auth.invalid_token");
    t.equal(await code({ token: token({}, "guessed") }), "auth.invalid_token");
    t.equal(await code({ token: 5 }), "auth.invalid_token");
  });

  t.test("auth.expired_token", async (t) => {
    const old = jwt.sign({ uid: "x" }, SECRET, { issuer: "tickets", audience: "conf", expiresIn: -60 });
    t.equal(await code({ token: old }), "auth.expired_token");
  });

  t.test("auth.missing_token: no guests here, or an invite that is unknown or expired", async (t) => {
    t.equal(await code({ client_id: "nobody" }, "closed"), "auth.missing_token");
    t.equal(await code({ client_id: "nobody", invite_token: "guessed" }, "closed"), "auth.missing_token");
    t.equal(await code({ client_id: "nobody", invite_token: "guessed" }), "auth.missing_token");
    const invite = await createInvite(sql, "closed", "hall", 60);
    await sql`update invites set expires_at = now() - interval '1 second' where token = ${invite}`;
    t.equal(await code({ client_id: "nobody", invite_token: invite }, "closed"), "auth.missing_token");
    const made = await sql`select 1 from users where client_id = 'nobody'`;
    t.equal(made.length, 0, "no account is made for someone who doesn't get in");
  });

  t.test("auth.denied: banned, or a token that grants no world:view", async (t) => {
    const { json } = await authenticate({ client_id: "troll" });
    await sql`update users set moderation_state = 'banned' where id = ${json[1]["user.config"].id}`;
    t.equal(await code({ client_id: "troll" }), "auth.denied");
    t.equal(await code({ token: token({ uid: "no-ticket" }) }, "closed"), "auth.denied");
    const made = await sql`select 1 from users where token_id = 'no-ticket'`;
    t.equal(made.length, 0);
    t.equal(
      (await authenticate({ token: token({ uid: "no-ticket", traits: ["ticket"] }) }, "closed")).json[0],
      "authenticated",
    );
  });

  t.test("failed logins from one address are limited, good ones then too", async (t) => {
    const failure = await authenticate({ token: "x" }, "w", "192.0.2.1");
    t.same(failure.effect, { kind: "login_failed" });
    for (const _ of [2, 3]) t.equal(await code({ token: "x" }, "w", "192.0.2.1"), "auth.invalid_token");
    const refused = await authenticate({ client_id: "honest" }, "w", "192.0.2.1");
    t.match(refused.json[2], { code: "protocol.rate_limited", details: { retry_after_ms: Number } });
    t.equal(refused.effect, null, "which is no failure");
    t.equal((await authenticate({ client_id: "honest" }, "w", "192.0.2.2")).json[0], "authenticated");
  });

  t.test("the settings of a call never leave the server, nor do the world's keys", async (t) => {
    const { json } = await authenticate({ client_id: "curious" });
    const text = JSON.stringify(json);
    t.notMatch(text, /hush/);
    t.notMatch(text, new RegExp(SECRET));
  });

  t.test("a login that is delivered again after its account was deleted makes no new one", async (t) => {
    const command = { n: 900_001, frame: JSON.stringify(["authenticate", { client_id: "gone" }]) };
    const first = await wire.ask(command);
    t.equal(first.effect?.kind, "login");
    await sql`update users set client_id = null, deleted_at = now() where client_id = 'gone'`;
    t.equal((await wire.ask(command)).json[1].code, "auth.denied");
  });
});
