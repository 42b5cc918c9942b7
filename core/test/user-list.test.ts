/** `user.list`: who is in it, who may ask, and pages. */
import t from "tap";
import { startTestWorker } from "./worker.ts";

// biome-ignore lint/suspicious/noExplicitAny: an answer's result
type Result = any;

t.test("user.list", async (t) => {
  const { wire, sql, logIn } = await startTestWorker(t);
  const lister = await logIn("lister");
  const manager = await logIn("manager");
  await sql`update worlds set roles = roles || '{"lister": ["world:users.list"]}' where id = 'w'`;
  await sql`insert into world_grants (world_id, user_id, role) values ('w', ${lister}, 'lister')`;
  await sql`insert into world_grants (world_id, user_id, role) values ('w', ${manager}, 'moderator')`;
  await wire.redis.publish(wire.keys.worldsChannel(), "w");
  const add = async (name: string | null, values: Record<string, unknown> = {}) => {
    const [row] = await sql<{ id: string }[]>`
      insert into users ${sql({ world_id: "w", profile: sql.json(name === null ? {} : { display_name: name }), ...values } as never)}
      returning id`;
    return row!.id;
  };
  const ask = async (user: string, body: object): Promise<{ frame: Result[]; result: Result }> => {
    const { json } = await wire.ask({ user, frame: JSON.stringify(["user.list", 1, body]) });
    return { frame: json, result: json[2] };
  };
  const [bob, anna, zoe] = [await add("bob"), await add("Anna", { token_id: "t-anna" }), await add("Zoë")];
  const banned = await add("aaron", { moderation_state: "banned" });
  const kiosk = await add("Kiosk", { type: "kiosk", client_state: sql.json({ room: 1 }) });
  const anon = await add(null, { type: "anon" });
  await add("deleted", { deleted_at: new Date() });
  await sql`insert into users (world_id, profile) values ('closed', '{"display_name": "of another world"}')`;
  const named = [anna, bob, zoe];
  const nameless = [lister, manager].sort();

  t.test("needs world:users.list", async (t) => {
    t.strictSame((await ask(bob, {})).frame, [
      "error",
      1,
      { code: "auth.denied", message: "Permission denied." },
    ]);
  });

  t.test("all of a type; banned ones and what moderators see only for those", async (t) => {
    const seen = (await ask(lister, {})).result;
    t.strictSame(Object.keys(seen).sort(), [...named, ...nameless].sort());
    t.notOk("token_id" in seen[anna] || "moderation_state" in seen[anna]);
    t.strictSame(Object.keys((await ask(lister, { include_banned: true })).result).length, 5);
    const managed = (await ask(manager, { type: null })).result;
    t.match(managed, { [banned]: { moderation_state: "banned" }, [anna]: { token_id: "t-anna" } });
    t.strictSame(Object.keys((await ask(manager, { include_banned: false })).result).length, 5);
    t.strictSame(Object.keys((await ask(lister, { type: "anon" })).result), [anon]);
    t.notOk("client_state" in (await ask(lister, { type: "kiosk" })).result[kiosk]);
    t.strictSame((await ask(manager, { type: "kiosk" })).result[kiosk].client_state, { room: 1 });
    await sql`update users set deleted_at = now() where id = ${anon}`;
    t.strictSame((await ask(lister, { type: "anon" })).result, {});
  });

  t.test("pages in the order of names, the nameless last, each user once", async (t) => {
    const order: string[] = [];
    let after: string | null = null;
    do {
      const { result } = await ask(lister, { limit: 2, after });
      order.push(...Object.keys(result.users));
      after = result.next;
      // Somebody comes before the place that was reached, and changes nothing behind it.
      if (order.length === 2) await add("a newcomer");
    } while (after !== null);
    t.strictSame(order, [...named, ...nameless]);
  });

  t.test("a wrong body is refused with the path", async (t) => {
    for (const [path, body] of [
      ["/limit", { limit: 0 }],
      ["/limit", { limit: 1001 }],
      ["/limit", { limit: "5" }],
      ["/type", { type: "robot" }],
      ["/include_banned", { include_banned: 1 }],
      ["/after", { limit: 1, after: 5 }],
      ["/after", { limit: 1, after: "nonsense" }],
      ["/after", { limit: 1, after: Buffer.from('["w","\\u0000","x"]').toString("base64url") }],
    ] as const) {
      t.match((await ask(lister, body)).frame, [
        "error",
        1,
        { code: "user.invalid_body", details: { path } },
      ]);
    }
  });
});
