/**
 * Worlds are sealed from each other: on one cluster, over the same nodes, nothing of one shows or works in another.
 * `one` and `two` are alike to the letter and share their key; `three` has a key of its own.
 */
import { randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import postgres from "postgres";
import t from "tap";
import { runFoyer } from "../../shared/testing/cluster.ts";
import { answerTo, insertInvite, mainWorld, sign, startConformance } from "./conformance.ts";

const world = (id: string, more: object = {}) => ({
  ...mainWorld,
  world: { ...mainWorld.world, id, title: `World ${id}`, connection_limit: 2, ...more },
});
const otherKey = { JWT_secrets: [{ secret: "of the third", issuer: "tickets", audience: "conf" }] };

t.test("two worlds on one cluster of two gateways and two workers", async (t) => {
  const environment = {
    FOYER_SOCIAL_TWITTER_CLIENT_ID: "id",
    FOYER_SOCIAL_TWITTER_CLIENT_SECRET: "hush",
    FOYER_UPDATE_RATE: "1",
    FOYER_UPDATE_RATE_BURST: "3",
  };
  const cluster = await startConformance(
    t,
    [world("one"), world("two"), world("three", otherKey)],
    environment,
  );
  const { connect, enter, gateways } = cluster;
  const sql = postgres(cluster.databaseUrl, { max: 2 });
  t.teardown(() => sql.end());
  const keysOf = (value: object) => Object.keys(value);
  const notFound = { ok: false, body: { code: "user.not_found" } };
  const uid = randomUUID();
  const claims = {
    uid,
    profile: { display_name: "Same Name" },
    traits: ["admin", "speaker"],
    pretalx_id: "SAME",
  };
  const [one, two] = [
    await enter({ token: sign(claims) }, "one"),
    await enter({ token: sign(claims) }, "two"),
  ];
  const ofTwo = await enter({ client_id: "same client" }, "two");
  const ofOne = await enter({ client_id: "same client" }, "one");
  const rowsOf = (id: string) => sql`select * from users where world_id = 'two' and id = ${id}`;

  t.test("the same uid, client id and pretalx id are different accounts in each", async (t) => {
    t.equal(new Set([one.id, two.id, ofOne.id, ofTwo.id]).size, 4);
    t.equal(one.me.pretalx_id, "SAME");
    t.equal(two.me.pretalx_id, "SAME");
    t.equal(one.login["world.config"].world.title, "World one");
    t.equal(two.login["world.config"].world.title, "World two");
    const rooms = (client: typeof one) =>
      client.login["world.config"].rooms.map((room: { id: string }) => room.id);
    t.equal(new Set([...rooms(one), ...rooms(two)]).size, 4, "and so are rooms of the same import id");
  });

  t.test("no token of a key that is not the world's own", async (t) => {
    const client = await connect("three");
    const frame = await answerTo(client, ["authenticate", { token: sign(claims) }]);
    t.strictSame(frame, ["error", { code: "auth.invalid_token" }]);
    const options = { issuer: "tickets", audience: "conf", expiresIn: 60 } as const;
    const token = jwt.sign({ uid }, otherKey.JWT_secrets[0]!.secret, options);
    t.ok(await enter({ token }, "three"));
    t.strictSame(await answerTo(await connect("one"), ["authenticate", { token }]), [
      "error",
      { code: "auth.invalid_token" },
    ]);
  });

  t.test("no invite", async (t) => {
    const token = await insertInvite(sql, "two", "stage");
    const payload = { client_id: randomUUID(), invite_token: token };
    t.strictSame(await answerTo(await connect("one"), ["authenticate", payload]), [
      "error",
      { code: "auth.missing_token" },
    ]);
    const anon = await enter(payload, "two");
    t.strictSame(await one.ask("user.fetch", { id: anon.id }), notFound);
    t.notOk((await one.ask("user.list", { type: "anon" })).body[anon.id]);
  });

  t.test("no id, in whatever call: it is nobody's, and the account stays as it is", async (t) => {
    const { user: kiosk } = (await two.ask("user.kiosk.create", {})).body;
    const before = JSON.stringify([await rowsOf(ofTwo.id), await rowsOf(kiosk)]);
    for (const id of [ofTwo.id, kiosk]) {
      for (const action of [
        "ban",
        "silence",
        "reactivate",
        "delete",
        "block",
        "unblock",
        "kiosk.fetch",
        "fetch",
      ]) {
        t.strictSame(await one.ask(`user.${action}`, { id }), notFound, action);
      }
      t.strictSame(await one.ask("user.admin.update", { id, profile: { taken: "over" } }), notFound);
      t.strictSame((await one.ask("user.fetch", { ids: [id, one.id] })).body, {
        [one.id]: (await one.ask("user.fetch", { id: one.id })).body,
      });
      t.strictSame((await one.ask("user.online_status", { ids: [id, one.id] })).body, {
        [id]: false,
        [one.id]: true,
      });
    }
    t.equal(JSON.stringify([await rowsOf(ofTwo.id), await rowsOf(kiosk)]), before);
    t.strictSame(await two.ask("user.admin.update", { id: ofTwo.id, pretalx_id: "ONE ONLY" }), {
      ok: true,
      body: {},
    });
    t.strictSame((await one.ask("user.fetch", { pretalx_ids: ["ONE ONLY"] })).body, {});
    t.equal((await one.ask("user.fetch", { pretalx_ids: ["SAME"] })).body.SAME.id, one.id);
    const show = runFoyer(["user", "show", "--world", "one", "--id", ofTwo.id], cluster.environment);
    await t.rejects(show, /has no account/);
    const { token } = (await two.ask("user.kiosk.fetch", { id: kiosk })).body;
    t.match(await answerTo(await connect("one"), ["authenticate", { token }]), [
      "error",
      { code: "auth.denied" },
    ]);
    t.equal((await enter({ token }, "two")).id, kiosk, "a kiosk's token is for its world");
  });

  t.test("an id that the other has is free: nobody learns from a refusal that it exists", async (t) => {
    const id = randomUUID();
    const create = (by: typeof one, name: string) =>
      by.ask("user.kiosk.create", { id, profile: { display_name: name } });
    const [kioskOfTwo, guestOfTwo] = [await create(two, "of two"), { id: ofTwo.id, profile: { of: "one" } }];
    t.strictSame(await create(one, "of one"), kioskOfTwo);
    t.strictSame(await one.ask("user.kiosk.create", guestOfTwo), { ok: true, body: { user: ofTwo.id } });
    t.match(await two.ask("user.kiosk.create", guestOfTwo), {
      ok: false,
      body: { code: "user.invalid_body" },
    });
    const logInTo = async (by: typeof one, world: string) =>
      await enter({ token: (await by.ask("user.kiosk.fetch", { id })).body.token }, world);
    const [inOne, inTwo] = [await logInTo(one, "one"), await logInTo(two, "two")];
    t.strictSame([inOne.id, inTwo.id], [id, id]);

    t.ok((await one.ask("user.admin.update", { id, profile: { display_name: "changed" } })).ok);
    t.match(await inOne.next(), ["user.updated", { profile: { display_name: "changed" } }]);
    t.strictSame(await inTwo.quiet(), [], "a change of one reaches the other's connections no more than");
    t.match(await two.ask("user.fetch", { id }), { body: { profile: { display_name: "of two" } } });
    t.ok((await one.ask("user.block", { id: ofTwo.id })).ok, "a block,");
    t.strictSame((await two.ask("user.list.blocked", {})).body, []);
    t.ok((await one.ask("user.ban", { id })).ok, "a ban,");
    t.equal((await inOne.closed()).code, 4000);
    t.strictSame(await inTwo.quiet(), []);
    t.match(await two.ask("user.online_status", { ids: [id] }), { body: { [id]: true } });
    t.match(await one.ask("user.online_status", { ids: [id] }), { body: { [id]: false } });
    t.ok((await one.ask("user.delete", { id })).ok, "and a deletion.");
    t.match((await two.ask("user.fetch", { id })).body, { deleted: false, moderation_state: "" });
    t.ok((await one.ask("user.delete", { id: ofTwo.id })).ok);
    t.ok((await ofTwo.ask("user.fetch", { id: ofTwo.id })).ok);
    inTwo.end();
  });

  t.test("no list, search or page", async (t) => {
    const foreign = [two.id, ofTwo.id];
    const shown = async (action: string, payload: object) =>
      JSON.stringify((await one.ask(action, payload)).body);
    for (const text of [
      await shown("user.list", {}),
      await shown("user.list", { limit: 1000 }),
      await shown("user.list.search", { search_term: "same name", page: 1 }),
      await shown("user.list.search", { search_term: "", badge: "Speaker", page: 1 }),
      await shown("user.list.blocked", {}),
    ]) {
      for (const id of foreign) t.notMatch(text, id);
    }
    const { next } = (await two.ask("user.list", { limit: 1 })).body;
    t.ok((await two.ask("user.list", { limit: 1, after: next })).ok);
    t.match(await one.ask("user.list", { limit: 1, after: next }), {
      ok: false,
      body: { code: "user.invalid_body", details: { path: "/after" } },
    });
  });

  t.test("no broadcast, and no limit of connections or updates is shared", async (t) => {
    const more = [
      await enter({ client_id: "same client" }, "one", 0),
      await enter({ client_id: "same client" }, "two", 1),
    ];
    for (const client of [one, two, ofOne, ofTwo, ...more]) client.heard.length = 0;
    for (let n = 0; n < 3; n++) t.ok((await ofOne.ask("user.update", { profile: { n } })).ok);
    t.equal((await ofOne.ask("user.update", { profile: { n: 3 } })).body.code, "protocol.rate_limited");
    t.ok((await ofTwo.ask("user.update", { profile: { of: "two" } })).ok, "the other one's tokens are left");
    t.match(await more[1]!.next(), ["user.updated", { id: ofTwo.id, profile: { of: "two" } }]);
    for (let n = 0; n < 3; n++)
      t.match(await more[0]!.next(), ["user.updated", { id: ofOne.id, profile: { n } }]);
    for (const client of [one, two, ofOne, ofTwo, ...more]) t.strictSame(await client.quiet(), []);
    for (const client of more) client.end();
  });

  t.test("no change of a world, no reload and no ban", async (t) => {
    const changed = { ...world("one", { title: "Changed" }) };
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(changed));
    for (const client of [one, ofOne]) t.equal((await client.next())[1].world.title, "Changed");
    const twin = { client_id: randomUUID() };
    const [inOne, inTwo] = [await enter(twin, "one"), await enter(twin, "two")];
    t.ok((await one.ask("user.ban", { id: inOne.id })).ok);
    t.equal((await inOne.closed()).code, 4000);
    t.strictSame(await inTwo.quiet(), []);
    t.equal((await enter(twin, "two")).id, inTwo.id);
    const reloaded = await enter(twin, "two");
    await runFoyer(["reload", "--world", "three", "--over", "1s"], cluster.environment);
    for (const client of [one, two, ofOne, ofTwo, reloaded]) t.strictSame(await client.quiet(), []);
  });

  t.test("no link of a social login", async (t) => {
    const payload = { network: "twitter", return_url: "https://conf.example/me" };
    const { pathname, search } = new URL((await two.ask("user.social.connect", payload)).body.url);
    const follow = (query: string) =>
      fetch(`${gateways[0]!.http}${pathname}${query}`, { redirect: "manual" });
    t.match(search, /^\?token=two\./);
    t.equal((await follow(search.replace("=two.", "=one."))).status, 400);
    const led = await follow(search);
    t.equal(led.status, 302);
    const state = new URL(led.headers.get("location")!).searchParams.get("state")!;
    t.match(state, /^two\./);
    const back = pathname.replace("start", "callback");
    const forged = `${gateways[1]!.http}${back}?state=${state.replace("two.", "one.")}&error=access_denied`;
    t.equal((await fetch(forged, { redirect: "manual" })).status, 400);
  });

  t.test("every row of an account names its own", async (t) => {
    const tables = await sql`
      select table_name as name from information_schema.columns
      where table_schema = 'public' and column_name = 'user_id' and table_name <> 'command_log'`;
    t.ok(tables.length >= 5);
    for (const { name } of tables) {
      const rows = await sql`
        select from ${sql(name)} x left join users u on u.world_id = x.world_id and u.id = x.user_id
        where x.user_id is not null and u.id is null`;
      t.equal(rows.length, 0, name);
    }
  });

  t.test("deleting one leaves the other as it is", async (t) => {
    const before = JSON.stringify(await sql`select * from users where world_id = 'two' order by id`);
    await runFoyer(["world", "delete", "one", "--yes"], cluster.environment);
    t.strictSame(await sql`select id from users where world_id = 'one'`.then((rows) => rows.length), 0);
    t.equal(JSON.stringify(await sql`select * from users where world_id = 'two' order by id`), before);
    t.strictSame(await two.quiet(), []);
    t.strictSame(keysOf((await two.ask("user.fetch", { ids: [two.id, one.id] })).body), [two.id]);
  });
});
