/** `user.block`, `user.unblock` and `user.list.blocked`. */
import { randomUUID } from "node:crypto";
import t from "tap";
import { startTestWorker } from "./worker.ts";

t.test("blocking", async (t) => {
  const { wire, sql, logIn } = await startTestWorker(t);
  const ask = async (user: string, action: string, body: object = {}) =>
    (await wire.ask({ user, frame: JSON.stringify([action, 1, body]) })).json;
  const nameOf = (user: string, name: string) =>
    sql`update users set profile = ${JSON.stringify({ display_name: name })}::text::jsonb where id = ${user}`;
  const audited = async (user: string) =>
    (await sql`select event, user_id from audit_log where actor_id = ${user} order by id`).map((row) => [
      row.event,
      row.user_id,
    ]);
  const done = ["success", 1, {}];

  t.test("blocks and takes blocks back, each audited once however often it is done", async (t) => {
    const [ada, bob] = [await logIn("ada"), await logIn("bob")];
    const news = await wire.listen("w", bob);
    for (let i = 0; i < 2; i++) t.same(await ask(ada, "user.block", { id: bob }), done);
    t.same(
      (await ask(ada, "user.list.blocked"))[2].map((user: { id: string }) => user.id),
      [bob],
    );
    t.same((await ask(bob, "user.list.blocked"))[2], []);
    for (let i = 0; i < 2; i++) t.same(await ask(ada, "user.unblock", { id: bob.toUpperCase() }), done);
    t.same((await ask(ada, "user.list.blocked"))[2], []);
    t.same(await audited(ada), [
      ["blocked", bob],
      ["unblocked", bob],
    ]);
    await ask(bob, "user.update", { profile: { display_name: "Bob" } });
    t.match(JSON.parse((await news.next()).frame!), ["user.updated", { profile: { display_name: "Bob" } }]);
    t.same(news.heard, [], "the blocked user heard of its own change alone");
  });

  t.test("two who block each other at once both do", async (t) => {
    const [ada, bob] = [await logIn("ada"), await logIn("bob")];
    const frame = (id: string) => JSON.stringify(["user.block", 1, { id }]);
    const { replies } = await wire.send([
      { user: ada, frame: frame(bob) },
      { user: bob, frame: frame(ada), connection: 2 },
    ]);
    t.same(
      (await replies).map((reply) => JSON.parse(reply.frame as string)),
      [done, done],
    );
  });

  t.test("the blocked are listed by name, ignoring case, nameless ones last", async (t) => {
    const user = await logIn("lister");
    for (const name of ["zoe", "Änne", "", "Anna", "bert"]) {
      const other = await logIn(`named ${name}`);
      await nameOf(other, name);
      await ask(user, "user.block", { id: other });
    }
    const names = (await ask(user, "user.list.blocked"))[2].map(
      (found: { profile: { display_name: string } }) => found.profile.display_name,
    );
    t.same(names, ["Anna", "bert", "zoe", "Änne", ""]);
  });

  t.test("oneself, and whoever this world does not have, is refused", async (t) => {
    const user = await logIn("refused");
    const gone = await logIn("gone");
    await sql`update users set deleted_at = now() where id = ${gone}`;
    const [foreign] = await sql`
      insert into users (world_id, client_id) values ('closed', 'foreign') returning id`;
    for (const action of ["user.block", "user.unblock"]) {
      t.match(await ask(user, action, { id: user }), ["error", 1, { code: `${action}.self` }]);
      t.match(await ask(user, action, { id: user.toUpperCase() }), ["error", 1, { code: `${action}.self` }]);
      for (const id of [randomUUID(), foreign!.id, gone, "nobody", "", "\u0000"]) {
        t.match(await ask(user, action, { id }), ["error", 1, { code: "user.not_found" }], `${action} ${id}`);
      }
      t.match(await ask(user, action, { id: 5 }), ["error", 1, { code: "user.invalid_body" }]);
      t.match(await ask(user, action), ["error", 1, { code: "user.invalid_body" }]);
    }
    t.same(await audited(user), []);
  });
});
