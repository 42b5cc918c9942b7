import t from "tap";
import { decodeCommands, encodeCommands } from "../../shared/envelope.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { selectGreatestPosition } from "../sql/command-log.ts";
import { startTestWorker } from "./worker.ts";

const update = (profile: object, id = 1) => JSON.stringify(["user.update", id, { profile }]);

t.test("user.update", async (t) => {
  const { wire, sql, logIn } = await startTestWorker(t);
  const profileOf = async (id: string) =>
    (await sql`select profile, version::int as version from users where world_id = 'w' and id = ${id}`)[0];

  t.test("a change is stored, audited, answered and broadcast with its version", async (t) => {
    const user = await logIn("u1");
    const news = await wire.listen("w", user);
    const answer = await wire.ask({ user, connection: 7, frame: update({ display_name: "Ada" }) });
    t.strictSame(answer.json, ["success", 1, {}]);
    t.same(answer.effect, { kind: "changed", version: 2 });
    const broadcast = await news.next();
    t.match(broadcast, { version: 2, origin: { gateway: "gateway-under-test", connection: 7 } });
    t.match(JSON.parse(broadcast.frame!), [
      "user.updated",
      { profile: { display_name: "Ada" }, client_state: {} },
    ]);
    t.same(await profileOf(user), { profile: { display_name: "Ada" }, version: 2 });
    const [audit] = await sql`select event, data from audit_log where user_id = ${user}`;
    t.same(audit, { event: "profile", data: { old: {}, new: { display_name: "Ada" }, by_admin: false } });
  });

  t.test("an update that changes nothing is answered with success and broadcasts nothing", async (t) => {
    const user = await logIn("u2");
    await wire.ask({ user, frame: update({ a: 1, b: 2 }) });
    const again = await wire.ask({ user, frame: update({ b: 2, a: 1 }) });
    t.strictSame(again.json, ["success", 1, {}]);
    t.equal(again.effect, null);
    t.equal((await profileOf(user))?.version, 2);
    t.strictSame(
      (await wire.ask({ user, frame: '["user.update",1,{"profile":null,"moderation_state":"banned"}]' }))
        .json,
      ["success", 1, {}],
    );
    t.equal((await profileOf(user))?.version, 2, "null counts as absent, other keys are ignored");
  });

  t.test("each given key replaces the whole value", async (t) => {
    const user = await logIn("u3");
    await wire.ask({ user, frame: update({ a: 1 }) });
    await wire.ask({ user, frame: '["user.update",2,{"profile":{"b":2},"client_state":{"c":3}}]' });
    const [row] = await sql`select profile, client_state from users where id = ${user}`;
    t.same(row, { profile: { b: 2 }, client_state: { c: 3 } });
  });

  t.test("user.invalid_body names the path and what was expected", async (t) => {
    const user = await logIn("u4");
    const details = async (payload: string) =>
      (await wire.ask({ user, frame: `["user.update",1,${payload}]` })).json[2];
    t.match(await details('"text"'), {
      code: "user.invalid_body",
      details: { path: "", expected: "object" },
    });
    t.match(await details('{"profile":[]}'), { details: { path: "/profile", expected: "object" } });
    t.match(await details('{"profile":{"a":{"b":"\\u0000"}}}'), {
      details: { path: "/profile/a/b", expected: /NUL/ },
    });
    t.match(await details('{"profile":{"a":"\\ud800"}}'), {
      details: { path: "/profile/a", expected: /surrogates/ },
    });
    t.match(await details('{"profile":{"a":1e999}}'), {
      details: { path: "/profile/a", expected: /number/ },
    });
    t.match(await details(`{"profile":{"a":"${"x".repeat(33_000)}"}}`), {
      details: { path: "/profile", expected: /32768/ },
    });
    const deep = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;
    t.match(await details(`{"profile":${deep}}`), { details: { expected: /levels/ } });
    t.equal((await profileOf(user))?.version, 1);
  });

  t.test("a command that is delivered twice takes effect once and is answered alike", async (t) => {
    const user = await logIn("u5");
    const first = { n: 800_001, user, frame: update({ count: 1 }) };
    t.strictSame((await wire.ask(first)).json, ["success", 1, {}]);
    await wire.ask({ n: 800_002, user, frame: update({ count: 2 }) });
    t.strictSame((await wire.ask(first)).json, ["success", 1, {}]);
    t.same(await profileOf(user), { profile: { count: 2 }, version: 3 });
    const logged =
      await sql`select command_id from command_log where user_id = ${user} and command_id like '%.80000%'`;
    t.equal(logged.length, 2);
  });

  t.test("later wins: what entered the stream before the stored value changes nothing", async (t) => {
    const user = await logIn("u6");
    await wire.ask({ user, frame: update({ from: "now" }) });
    const future = `${String(Date.now() + 3_600_000).padStart(14, "0")}-0000000000-000000`;
    await sql`update users set profile_position = ${future} where id = ${user}`;
    const late = await wire.ask({
      user,
      frame: '["user.update",1,{"profile":{"from":"before"},"client_state":{"x":1}}]',
    });
    t.strictSame(late.json, ["success", 1, {}]);
    const [row] = await sql`select profile, client_state from users where id = ${user}`;
    t.same(row, { profile: { from: "now" }, client_state: { x: 1 } }, "each value has its own place");
  });

  t.test("the acting account is checked in the transaction: banned meanwhile means denied", async (t) => {
    const user = await logIn("u7");
    await sql`update users set moderation_state = 'banned' where id = ${user}`;
    const denied = await wire.ask({ user, frame: update({ a: 1 }) });
    t.match(denied.json, ["error", 1, { code: "auth.denied", message: "Permission denied." }]);
    t.match((await wire.ask({ user, frame: `["user.fetch",2,{"id":"${user}"}]` })).json[2], {
      code: "auth.denied",
    });
    t.same(await profileOf(user), { profile: {}, version: 1 });
  });

  t.test("a bug in one command is answered server.fatal, and the others of its entry go on", async (t) => {
    const user = await logIn("u8");
    const { replies } = await wire.send([
      { user, frame: "not json" },
      { user, frame: update({ fine: true }) },
    ]);
    const [broken, fine] = await replies;
    t.same(broken?.effect, { kind: "close", code: 1011 });
    t.equal(broken?.frame, '["error",{"code":"server.fatal"}]');
    t.equal(fine?.frame, '["success",1,{}]');
  });

  t.test("another world's account does not exist here", async (t) => {
    const user = await logIn("u9");
    const answer = await wire.ask({ world: "closed", user, frame: `["user.fetch",1,{"id":"${user}"}]` });
    t.equal(answer.json[2].code, "auth.denied");
  });
});

t.test("entries", async (t) => {
  const { wire, sql, logIn, start, worker } = await startTestWorker(t);
  const file = t;
  const stream = wire.keys.commandStream(0);
  const length = () => wire.redis.xlen(stream);

  t.test("an answered entry is acknowledged and gone, and the backlog with it", async (t) => {
    await logIn("e1");
    await waitFor("the stream to be empty", async () => (await length()) === 0);
    await waitFor(
      "the backlog to be gone",
      async () => (await wire.redis.get(wire.keys.backlog(0))) === null,
    );
    t.equal((await wire.redis.xpending(stream, "core"))[0], 0);
  });

  t.test("an entry whose worker died is claimed by another", async () => {
    const user = await logIn("e2");
    // A worker that reads and is never heard of again.
    const bytes = encodeCommands({
      gateway: "gateway-under-test",
      sentAt: Date.now(),
      commands: [
        {
          n: 700_001,
          connection: 1,
          world: "w",
          user,
          frame: update({ claimed: true }),
          address: null,
          loginVersion: null,
        },
      ],
    });
    await worker.stop();
    await wire.redis.xadd(stream, "*", "e", bytes);
    await wire.redis.xreadgroup("GROUP", "core", "dead-worker", "COUNT", 10, "STREAMS", stream, ">");
    const second = await start();
    file.teardown(() => second.stop());
    await waitFor("the update to take effect", async () => {
      const [row] = await sql`select profile from users where id = ${user}`;
      return row?.profile.claimed === true;
    });
  });

  t.test("an entry that cannot be read goes to the dead letters", async (t) => {
    const before = await wire.redis.xlen(wire.keys.deadLetters());
    await wire.redis.xadd(stream, "*", "e", "garbage");
    await waitFor(
      "a dead letter",
      async () => (await wire.redis.xlen(wire.keys.deadLetters())) === before + 1,
    );
    await waitFor("the stream to be empty", async () => (await length()) === 0);
    t.pass();
  });

  t.test("an entry delivered 5 times goes to the dead letters", async (t) => {
    const user = await logIn("e3");
    const before = await wire.redis.xlen(wire.keys.deadLetters());
    const bytes = encodeCommands({
      gateway: "gateway-under-test",
      sentAt: Date.now(),
      commands: [
        {
          n: 700_002,
          connection: 1,
          world: "w",
          user,
          frame: update({ poison: true }),
          address: null,
          loginVersion: null,
        },
      ],
    });
    const transaction = wire.redis.multi();
    transaction.xadd(stream, "*", "e", bytes);
    transaction.call("XREADGROUP", "GROUP", "core", "dead-worker", "COUNT", 10, "STREAMS", stream, ">");
    const results = await transaction.exec();
    const id = String(results![0]![1]);
    await wire.redis.call("XCLAIM", stream, "core", "dead-worker", 0, id, "RETRYCOUNT", 5);
    await waitFor(
      "a dead letter",
      async () => (await wire.redis.xlen(wire.keys.deadLetters())) === before + 1,
    );
    const [[, fields]] = (await wire.redis.xrevrangeBuffer(
      wire.keys.deadLetters(),
      "+",
      "-",
      "COUNT",
      1,
    )) as [[Buffer, Buffer[]]];
    t.equal(decodeCommands(fields[1]!).commands[0]?.n, 700_002);
    const [row] = await sql`select profile from users where id = ${user}`;
    t.same(row?.profile, {});
  });

  t.test("a stream that was lost is made again, its ids beyond all that the database knows", async (t) => {
    const user = await logIn("e4");
    const future = Date.now() + 3_600_000;
    await sql`insert into command_log (command_id, world_id, position, answer)
      values ('from-the-future', 'w', ${`${String(future).padStart(14, "0")}-0000000005-000000`}, '{}')`;
    await wire.redis.del(stream);
    await waitFor("the stream to be back", async () => (await wire.redis.exists(stream)) === 1);
    const { id, replies } = await wire.send([{ user, frame: update({ after: true }) }]);
    await replies;
    t.ok(Number(id.split("-")[0]) >= future);
    t.ok((await selectGreatestPosition(sql)) > String(future).padStart(14, "0"));
  });
});
