/** `user.online_status`: what the registry knows, of one's own world. */
import { randomUUID } from "node:crypto";
import t from "tap";
import { startTestWorker } from "./worker.ts";

t.test("user.online_status", async (t) => {
  const { wire, sql, logIn } = await startTestWorker(t);
  const user = await logIn("online");
  const status = async (ids: unknown) =>
    (await wire.ask({ user, frame: JSON.stringify(["user.online_status", 1, { ids }]) })).json;
  const makeOffline = async (id: string) => wire.redis.del(wire.keys.registry("w", id));

  t.test("who has a connection is online, and offline once it is gone", async (t) => {
    const other = await logIn("other");
    t.same(await status([user, other]), ["success", 1, { [user]: true, [other]: true }]);
    await makeOffline(other);
    t.same(await status([user, other]), ["success", 1, { [user]: true, [other]: false }]);
  });

  t.test("a connection at a gateway whose lease has run out does not count", async (t) => {
    const other = await logIn("stranded");
    await makeOffline(other);
    const { leases, registry } = wire.keys;
    await wire.redis.zadd(leases("gateway"), 1, "dead");
    await wire.redis.zadd(registry("w", other), 1, "dead/1");
    t.same((await status([other]))[2], { [other]: false });
    await wire.redis.zadd(registry("w", other), 1, "gateway-under-test/9");
    t.same((await status([other]))[2], { [other]: true });
  });

  t.test("whoever this world does not have is offline", async (t) => {
    const [foreign] = await sql`
      insert into users (world_id, client_id) values ('closed', 'foreign') returning id`;
    for (const world of ["w", "closed"]) {
      await wire.redis.zadd(wire.keys.registry(world, foreign!.id), 1, "gateway-under-test/8");
    }
    const ids = [foreign!.id, randomUUID(), "nobody", "", "__proto__", "\u0000"];
    const [, , answer] = await status([...ids, ...ids]);
    t.same(Object.keys(answer).sort(), [...ids].sort());
    t.same(new Set(Object.values(answer)), new Set([false]));
    t.equal((await status([user.toUpperCase()]))[2][user.toUpperCase()], true);
  });

  t.test("only the first 100 count", async (t) => {
    const many = Array.from({ length: 100 }, () => randomUUID());
    const [, , answer] = await status([...many, user]);
    t.equal(Object.keys(answer).length, 100);
    t.notOk(user in answer);
    t.same((await status([]))[2], {});
  });

  t.test("a body of another shape is refused", async (t) => {
    for (const ids of [null, "text", [5]]) {
      t.match(await status(ids), ["error", 1, { code: "user.invalid_body" }]);
    }
  });
});
