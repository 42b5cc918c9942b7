/** The leader: what one worker does for all, and that it is one. */
import t, { type Test } from "tap";
import { createLog } from "../../shared/log.ts";
import { connectRedis, untilReady } from "../../shared/redis/connect.ts";
import { COMMAND_GROUP, createKeys } from "../../shared/redis/keys.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { lead } from "../leader.ts";
import { positionAt } from "../position.ts";
import { connectDatabase } from "../sql/database.ts";
import { importWorld } from "../world-file.ts";
import { startTestWorker, testWorld } from "./worker.ts";

const STREAMS = 2;

/** Stores without a worker on them, and what leads on them when it is told to. */
async function openStores(t: Test) {
  const stores = await createTestStores(t);
  const log = createLog("silent");
  const keys = createKeys(stores.redisPrefix);
  const sql = connectDatabase(stores.databaseUrl, { max: 2, log });
  const redis = connectRedis(stores.redisUrl, "commands", log);
  const stopping = new AbortController();
  const leading = new Set<string>();
  /** How many led, at any time when one began or ended to. */
  const crowds = new Set<number>();
  const duties: Promise<void>[] = [];
  await untilReady(redis, stopping.signal);
  t.teardown(async () => {
    stopping.abort();
    await Promise.all(duties);
    redis.disconnect();
    await sql.end();
  });

  /** Lets one more worker try to lead; gives what stops it. */
  const start = (worker: string) => {
    const own = new AbortController();
    const onLead = (leads: boolean) => {
      if (leads) leading.add(worker);
      else leading.delete(worker);
      crowds.add(leading.size);
    };
    const signal = AbortSignal.any([own.signal, stopping.signal]);
    const duty = lead({ worker, redis, sql, keys, streams: STREAMS, log, onLead, signal });
    duties.push(duty);
    return async () => {
      own.abort();
      await duty;
      leading.delete(worker);
    };
  };
  /** Enters a node whose lease ran out long ago, or runs for long. */
  const addNode = async (role: "gateway" | "core", node: string, isAlive: boolean) => {
    const lease = isAlive ? Date.now() + 3_600_000 : 1;
    await redis.zadd(keys.leases(role), lease, node);
    await redis.hset(keys.nodes(role), node, "{}");
  };
  /** Waits until a role's node is forgotten, which is the last thing done about it. */
  const untilForgotten = (role: "gateway" | "core", node: string) =>
    waitFor(`${node} to be forgotten`, async () => (await redis.zscore(keys.leases(role), node)) === null);
  return { redis, sql, keys, leading, crowds, start, addNode, untilForgotten };
}

t.test("after a gateway whose lease ran out", async (t) => {
  const { redis, keys, start, addNode, untilForgotten } = await openStores(t);
  await addNode("gateway", "dead", false);
  await addNode("gateway", "alive", true);
  // A gateway's id that begins like the dead one's.
  await addNode("gateway", "dead2", true);
  const users = Array.from({ length: 1_500 }, (_, i) => `user-${i}`);
  for (const [place, gateway] of ["dead", "alive", "dead2"].entries()) {
    const entries = redis.pipeline();
    for (const user of gateway === "dead" ? users : users.slice(0, 2)) {
      entries.sadd(keys.gatewayUsers(gateway), `w/${user}`);
      entries.zadd(keys.registry("w", user), place, `${gateway}/1`, place, `${gateway}/2`);
    }
    await entries.exec();
    await redis.xadd(keys.replyStream(gateway), "*", "e", "answer");
  }
  start("leader");
  await untilForgotten("gateway", "dead");

  t.test("its connections are out of the registry, those of other gateways stay", async (t) => {
    t.same(await redis.zrange(keys.registry("w", "user-0"), "0", "-1"), [
      "alive/1",
      "alive/2",
      "dead2/1",
      "dead2/2",
    ]);
    const registries = users.slice(2).map((user) => keys.registry("w", user));
    t.equal(await redis.exists(...registries), 0);
    t.equal(await redis.exists(keys.gatewayUsers("dead")), 0);
    t.equal(await redis.scard(keys.gatewayUsers("alive")), 2);
  });

  t.test("its reply stream is gone, those of other gateways stay", async (t) => {
    t.equal(await redis.exists(keys.replyStream("dead")), 0);
    t.equal(await redis.exists(keys.replyStream("alive"), keys.replyStream("dead2")), 2);
  });

  t.test("it is no node any more, the others are", async (t) => {
    t.same((await redis.hkeys(keys.nodes("gateway"))).sort(), ["alive", "dead2"]);
    t.same((await redis.zrange(keys.leases("gateway"), "0", "-1")).sort(), ["alive", "dead2"]);
  });
});

t.test("a lease that runs for longer than any does is no node's: no ban waits for it", async (t) => {
  const { redis, keys, start, addNode, untilForgotten } = await openStores(t);
  await addNode("gateway", "forged", true);
  await addNode("gateway", "alive", true);
  await redis.zadd(keys.leases("gateway"), Date.now() + 48 * 60 * 60 * 1_000, "forged");
  start("leader");
  await untilForgotten("gateway", "forged");
  t.same(await redis.zrange(keys.leases("gateway"), "0", "-1"), ["alive"]);
});

t.test("after a worker whose lease ran out", async (t) => {
  const { redis, keys, start, addNode, untilForgotten } = await openStores(t);
  for (const stream of [0, 1]) {
    await redis.xgroup("CREATE", keys.commandStream(stream), COMMAND_GROUP, "0", "MKSTREAM");
    for (const worker of ["dead", "busy", "alive"]) {
      await redis.xgroup("CREATECONSUMER", keys.commandStream(stream), COMMAND_GROUP, worker);
    }
  }
  const stream = keys.commandStream(1);
  const id = String(await redis.xadd(stream, "*", "e", "entry"));
  await redis.xreadgroup("GROUP", COMMAND_GROUP, "busy", "COUNT", 1, "STREAMS", stream, ">");
  await addNode("core", "busy", false);
  await addNode("core", "dead", false);
  await addNode("core", "alive", true);
  const consumers = async (key: string) => {
    const rows = (await redis.xinfo("CONSUMERS", key, COMMAND_GROUP)) as string[][];
    return rows.map((row) => row[1]).sort();
  };
  start("leader");

  t.test("the group forgets it in every stream, once it holds no entry", async (t) => {
    await untilForgotten("core", "dead");
    t.notOk((await consumers(keys.commandStream(0))).includes("dead"));
    t.same(await consumers(stream), ["alive", "busy"], "what a worker has read would be lost with it");
    t.same((await redis.hkeys(keys.nodes("core"))).sort(), ["alive", "busy"]);
  });

  t.test("one that holds an entry is forgotten after another has claimed that", async (t) => {
    await redis.call("XCLAIM", stream, COMMAND_GROUP, "alive", 0, id);
    await untilForgotten("core", "busy");
    t.same(await consumers(stream), ["alive"]);
    t.equal((await redis.xpending(stream, COMMAND_GROUP))[0], 1, "the entry is still there");
  });
});

t.test("commands from more than an hour ago are forgotten, later ones and the newest are not", async (t) => {
  const { sql, start } = await openStores(t);
  await importWorld(sql, null, testWorld);
  const minute = 60_000;
  const insert = (id: string, age: number) => sql`
    insert into command_log (command_id, world_id, position, answer)
    values (${id}, 'w', ${positionAt(Date.now() - age)}, '{}')`;
  await insert("a day old", 24 * 60 * minute);
  await insert("61 minutes old", 61 * minute);
  const stop = start("leader");
  const ids = async () =>
    (await sql`select command_id from command_log order by position`).map((row) => row.command_id);
  await waitFor("the older one to be forgotten", async () => (await ids()).length === 1);
  t.same(await ids(), ["61 minutes old"], "the newest tells how far the streams had come");

  await stop();
  await insert("59 minutes old", 59 * minute);
  await insert("new", 0);
  start("leader");
  await waitFor("the older one to be forgotten", async () => (await ids()).length === 2);
  t.same(await ids(), ["59 minutes old", "new"]);
});

t.test("one leads at a time, and goes on until it is gone; then another does", async (t) => {
  const { redis, keys, leading, crowds, start } = await openStores(t);
  const stops = new Map(["a", "b", "c"].map((worker) => [worker, start(worker)]));
  await waitFor("one to lead", () => leading.size > 0);
  const [first] = leading;
  t.equal(await redis.get(keys.leader()), first);
  await stops.get(first!)!();
  await waitFor("another to lead", () => leading.size > 0);
  const [next] = leading;
  t.not(next, first);
  t.equal(await redis.get(keys.leader()), next);
  t.ok(
    [...crowds].every((crowd) => crowd <= 1),
    "never two",
  );
});

t.test("of two workers one leads, and the other after that one stopped", async (t) => {
  const { worker, start, wire } = await startTestWorker(t);
  const second = await start();
  t.teardown(() => second.stop());
  const leads = async (opsPort: number) => {
    const metrics = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
    return /^foyer_core_leader(\{.*\})? 1$/m.test(metrics);
  };
  await waitFor("a leader", async () => (await leads(worker.opsPort)) || (await leads(second.opsPort)));
  t.not(await leads(worker.opsPort), await leads(second.opsPort));
  const [leader, other] = (await leads(worker.opsPort)) ? [worker, second] : [second, worker];
  t.equal(await wire.redis.get(wire.keys.leader()), leader.id);
  await leader.stop();
  await waitFor("the other to lead", () => leads(other.opsPort));
  t.equal(await wire.redis.get(wire.keys.leader()), other.id);
});

t.test("what is old goes by Redis' clock: a worker whose own is ahead forgets nothing early", async (t) => {
  const { sql, start } = await openStores(t);
  await importWorld(sql, null, testWorld);
  const minute = 60_000;
  const real = Date.now;
  const insert = (id: string, age: number) => sql`
    insert into command_log (command_id, world_id, position, answer)
    values (${id}, 'w', ${positionAt(real() - age)}, '{}')`;
  await insert("61 minutes old", 61 * minute);
  await insert("59 minutes old", 59 * minute);
  await insert("new", 0);
  t.teardown(() => {
    Date.now = real;
  });
  Date.now = () => real() + 3 * 60 * minute;
  start("leader");
  const ids = async () =>
    (await sql`select command_id from command_log order by position`).map((row) => row.command_id);
  await waitFor("the oldest to be forgotten", async () => (await ids()).length < 3);
  t.strictSame(await ids(), ["59 minutes old", "new"]);
});
