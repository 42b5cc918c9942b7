/** An operator's commands, as the command line puts them on the stream; and the audit log that they leave. */
import t from "tap";
import { createLog } from "../../shared/log.ts";
import { handlers } from "../commands/handlers.ts";
import { connectDatabase } from "../sql/database.ts";
import { deleteWorldRow } from "../sql/worlds.ts";
import { startTestWorker } from "./worker.ts";

const UNKNOWN_ID = "6a0d6c0e-9b4c-4d6e-8f7c-2f8f9a3f1f10";

/** The moderator's commands that an operator runs too, where this build has them. */
const hasModeration = Object.hasOwn(handlers, "user.ban");

t.test("an operator's commands", async (t) => {
  const { wire, sql, logIn } = await startTestWorker(t);
  const command = (action: string, target: object, more: object = {}) => ({
    connection: 0,
    frame: JSON.stringify([`operator.${action}`, 1, { target, role: null, room: null, ...more }]),
  });
  const ask = async (...args: Parameters<typeof command>) => (await wire.ask(command(...args))).json;
  const versionOf = async (id: string) =>
    (await sql`select version::int as version from users where id = ${id}`)[0]?.version;
  const auditOf = (id: string) =>
    sql`select actor_id, event, data from audit_log where user_id = ${id} order by id`;

  t.test("grant and revoke change what an account may do, and say so to it", async (t) => {
    const id = await logIn("o1");
    const news = await wire.listen("w", id);
    const answer = await ask("grant", { client_id: "o1" }, { role: "moderator" });
    t.strictSame(answer, ["success", 1, { changed: true, id, state: "active" }]);
    const granted = await news.next();
    t.match(granted, { version: 2, origin: null });
    t.match(await news.next(), { version: 2, accessChanged: true });
    t.match(JSON.parse(granted.frame!)[1], { moderation_state: "", token_id: null }, "managers see more");
    const fetched = await wire.ask({ user: id, frame: `["user.fetch",1,{"id":"${id}"}]` });
    t.match(fetched.json[2], { moderation_state: "" });

    t.match(await ask("grant", { id }, { role: "moderator" }), ["success", 1, { changed: false }]);
    t.equal(await versionOf(id), 2, "what is so already is no change");
    t.match(await ask("grant", { id }, { role: "attendee", room: "stage" }), [
      "success",
      1,
      { changed: true },
    ]);
    t.match(
      await news.next(),
      { version: 3, frame: null, accessChanged: true },
      "the user object is the same",
    );
    t.match(await ask("revoke", { id }, { role: "moderator" }), ["success", 1, { changed: true }]);
    t.match(await ask("revoke", { id }, { role: "moderator" }), ["success", 1, { changed: false }]);
    t.match(await ask("revoke", { id }, { role: "attendee", room: "stage" }), [
      "success",
      1,
      { changed: true },
    ]);
    t.strictSame(
      [await sql`select from world_grants`, await sql`select from room_grants`].map((rows) => rows.length),
      [0, 0],
    );
    t.same(await auditOf(id), [
      { actor_id: null, event: "granted", data: { role: "moderator", room: null } },
      { actor_id: null, event: "granted", data: { role: "attendee", room: "stage" } },
      { actor_id: null, event: "revoked", data: { role: "moderator", room: null } },
      { actor_id: null, event: "revoked", data: { role: "attendee", room: "stage" } },
    ]);
  });

  t.test("one that is delivered twice has one effect and the same answer", async (t) => {
    const id = await logIn("o2");
    const grant = { n: 900_001, ...command("grant", { id }, { role: "admin" }) };
    const first = (await wire.ask(grant)).json;
    await ask("revoke", { id }, { role: "admin" });
    t.strictSame((await wire.ask(grant)).json, first);
    t.equal((await sql`select from world_grants where user_id = ${id}`).length, 0);
    t.equal((await auditOf(id)).length, 2);
    const logged = await sql`select user_id from command_log where command_id like '%.900001'`;
    t.same(logged, [{ user_id: null }]);
  });

  t.test("a role or room that there is none of is refused, naming those there are", async (t) => {
    const id = await logIn("o3");
    const details = async (action: string, more: object) => (await ask(action, { id }, more))[2];
    t.match(await details("grant", { role: "king" }), {
      code: "user.invalid_body",
      details: { path: "/role", expected: /^one of admin, attendee, moderator, .*__kiosk/ },
    });
    t.match(await details("grant", { role: "admin", room: "attic" }), {
      code: "user.invalid_body",
      details: { path: "/room", expected: "one of stage, lobby" },
    });
    t.match(await details("revoke", { role: "king" }), { details: { path: "/role" } });
    await sql`insert into world_grants (world_id, user_id, role) values ('w', ${id}, 'king')`;
    t.match(await details("revoke", { role: "king" }), { changed: true }, "of a role that was dropped since");
    for (const [target, world] of [
      [{ id: UNKNOWN_ID }, "w"],
      [{ id: "no uuid" }, "w"],
      [{ uid: "nobody" }, "w"],
      [{ id }, "closed"],
    ] as const) {
      for (const action of ["show", "grant"]) {
        const { json } = await wire.ask({ world, ...command(action, target, { role: "admin" }) });
        t.match(json, ["error", 1, { code: "user.not_found" }]);
      }
    }
    const { json } = await wire.ask({ world: "nowhere", ...command("show", { id }) });
    t.match(json, ["error", 1, { code: "world.unknown_world" }]);
    t.match((await wire.ask({ connection: 0, frame: '["operator.show",1,{}]' })).json[2], {
      code: "user.invalid_body",
      details: { path: "/target" },
    });
  });

  t.test("show tells all that is known of an account", async (t) => {
    const id = await logIn("o4");
    await wire.ask({ user: id, frame: '["user.update",1,{"profile":{"display_name":"Ada"}}]' });
    await ask("grant", { id }, { role: "moderator", room: "lobby" });
    const [status, , shown] = await ask("show", { client_id: "o4" });
    t.equal(status, "success");
    t.match(shown, {
      ...{ id, world: "w", type: "person", client_id: "o4", token_id: null, version: 3, deleted: false },
      created_at: /^\d{4}-.*Z$/,
      profile: { display_name: "Ada" },
      grants: [{ role: "moderator", room: "lobby" }],
      online: [{ gateway: "gateway-under-test", connections: 1 }],
      audit: [
        { event: "granted", actor_id: null },
        { event: "profile", actor_id: id },
      ],
    });
    t.ok(shown.permissions.includes("world:view"));
  });

  t.test("a client cannot send them", async (t) => {
    const id = await logIn("o5");
    const { frame } = command("grant", { id }, { role: "admin" });
    const answer = await wire.ask({ user: id, connection: 1, frame });
    t.match(answer.json, ["error", 1, { code: "user.unsupported_command" }]);
    t.same(await auditOf(id), []);
  });

  t.test("moderation is what a moderator does, by nobody", { skip: !hasModeration }, async (t) => {
    const id = await logIn("o6");
    t.match(await ask("ban", { client_id: "o6" }), ["success", 1, { id, state: "banned" }]);
    t.match(await ask("silence", { id }), ["success", 1, { state: "banned" }]);
    t.match(await ask("reactivate", { id }), ["success", 1, { state: "active" }]);
    t.match(await ask("silence", { id }), ["success", 1, { state: "silenced" }]);
    const remove = { n: 900_002, ...command("delete", { client_id: "o6" }) };
    t.match((await wire.ask(remove)).json, ["success", 1, { id, state: "deleted" }]);
    t.match((await wire.ask(remove)).json, ["success", 1, { id: null }], "its key is forgotten");
    t.match(await ask("delete", { client_id: "o6" }), ["error", 1, { code: "user.not_found" }]);
    const rows = await auditOf(id);
    t.same(new Set(rows.map((row) => row.actor_id)), new Set([null]));
    t.ok(["banned", "reactivated", "deleted"].every((event) => rows.some((row) => row.event === event)));
  });
});

t.test("the audit log only grows", async (t) => {
  const { databaseUrl, wire, logIn } = await startTestWorker(t);
  const sql = connectDatabase(databaseUrl, { max: 1, log: createLog("silent") });
  t.teardown(() => sql.end());
  const id = await logIn("a1");
  await wire.ask({ user: id, frame: '["user.update",1,{"profile":{"display_name":"Ada"}}]' });
  const data = async () => (await sql`select data from audit_log where user_id = ${id}`)[0]?.data;
  const before = await data();

  t.test("rows are neither changed nor deleted", async (t) => {
    const refused = { code: "23001", message: "audit_log is append-only" };
    await t.rejects(sql`delete from audit_log where user_id = ${id}`, refused);
    await t.rejects(sql`delete from users where id = ${id}`, refused, "with its account neither");
    for (const change of [
      sql`event = 'other'`,
      sql`actor_id = null`,
      sql`created_at = now() - interval '1 day', data = '{}'`,
      sql`data = '{"new": {"display_name": "Eve"}}'`,
      sql`data = '{"redacted": "by me"}'`,
      sql`data = data || '{"more": 1}'`,
    ]) {
      await t.rejects(sql`update audit_log set ${change} where user_id = ${id}`, refused);
    }
    t.same(await data(), before);
  });

  t.test("redaction takes values away", async (t) => {
    await sql`update audit_log set data = data - 'old' where user_id = ${id}`;
    t.same(await data(), { new: { display_name: "Ada" }, by_admin: false });
    await sql`update audit_log set data = '{"redacted": true}' where user_id = ${id}`;
    t.same(await data(), { redacted: true });
  });

  t.test("a deleted world takes its audit log along", async (t) => {
    t.equal(await deleteWorldRow(sql, "w"), true);
    t.equal((await sql`select from audit_log`).length, 0);
  });
});
