/**
 * Big answers over real processes: `user.list` of a world of 100,000 accounts, which nobody holds, and pages and
 * fetches of large profiles. Nobody else feels them, and what is for their connection waits for their end.
 */
import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import postgres from "postgres";
import t from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import { connectClient } from "../../shared/testing/client.ts";
import { runFoyer, startTestCluster, type TestNode } from "../../shared/testing/cluster.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { openWorld } from "./worlds.ts";

const ACCOUNTS = 100_000;
const WORLD = "w";
const crowded = {
  world: { ...openWorld.world, connection_limit: 3 },
  roles: { attendee: ["world:view", "world:users.list"] },
  trait_grants: { attendee: [] },
};
/** The one with as many accounts as a world has. */
const full = { ...crowded, world: { ...crowded.world, id: "full" } };

/** A busy machine may take so long for a list of 90 MB. */
const PATIENCE_MS = 120_000;

/** More than anything else that is sent meanwhile, and less than a part. */
const PART_BYTES = 50_000;

/** Watches a node's resident memory. */
function watchMemory({ pid }: TestNode) {
  const read = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
  const before = read();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, read());
  }, 5);
  return {
    /** MB that it grew by at the most. */
    growth() {
      clearInterval(timer);
      return Math.max(most, read()) - before;
    },
  };
}

t.test("answers of many megabytes", async (t) => {
  const cluster = await startTestCluster(t, { worlds: [crowded, full] });
  const gateway = cluster.gateways[0]!;
  const worker = cluster.workers[0]!;
  const sql = postgres(cluster.databaseUrl, { max: 1 });
  t.teardown(() => sql.end());
  const insert = (world: string, accounts: number, repeats: string) => sql`
    insert into users (world_id, token_id, profile)
    select ${world}, 'uid ' || i, jsonb_build_object('display_name', 'Zoë 🎈 ' || i, 'fields',
      jsonb_build_object('about', repeat('So much to say. ', ${sql.unsafe(repeats)})))
    from generate_series(1, ${accounts}::int) i`;
  // From 500 to 1,000 bytes each.
  await insert(full.world.id, ACCOUNTS, "20 + i % 32");
  await insert(WORLD, 30_000, "30");
  const redis = new Redis(cluster.redisUrl);
  t.teardown(() => redis.disconnect());
  const bytesSent = async () => {
    const text = await (await fetch(`${gateway.ops}/metrics`)).text();
    return Number(/^foyer_gateway_bytes_sent_total (\d+)/m.exec(text)![1]);
  };
  const underWay = (user: string) =>
    waitFor(
      "a big answer to be under way",
      async () => (await redis.exists(createKeys(cluster.redisPrefix).bigAnswer(WORLD, user))) === 1,
    );
  const open = async (client: string, world = WORLD) => {
    const opened = await connectClient(gateway.world(world));
    return { ...opened, user: (await opened.logIn({ client_id: client }))["user.config"].id as string };
  };

  t.test("a list of 100,000 is complete, and grows neither node by 32 MB, cold or not", async (t) => {
    const client = await open("lister", full.world.id);
    // Cold first, as nodes are that nobody has asked yet: their heaps have not grown, and nothing is compiled.
    for (const state of ["cold", "warm"]) {
      const watches = [gateway, worker].map(watchMemory);
      client.send(["user.list", state, {}]);
      await waitFor("the list", () => client.heard.length > 0, PATIENCE_MS);
      const [ofGateway, ofWorker] = watches.map((watch) => watch.growth());
      const [action, , users] = await client.next();
      t.equal(action, "success");
      t.equal(Object.keys(users).length, ACCOUNTS + 1);
      t.ok(Object.entries<{ id: string }>(users).every(([id, user]) => user.id === id));
      t.ok(ofGateway! < 32, `${state} gateway: ${ofGateway} MB`);
      t.ok(ofWorker! < 32, `${state} worker: ${ofWorker} MB`);
      t.comment(`${state}: gateway +${ofGateway} MB, worker +${ofWorker} MB`);
    }
    client.end();
  });

  t.test("a page and a fetch of large profiles reach a client that takes them when it can", async (t) => {
    const wide = await sql<{ id: string }[]>`
      insert into users (world_id, type, token_id, profile)
      select ${WORLD}, 'kiosk', 'wide ' || i, jsonb_build_object('about', repeat('So much to say. ', 1800))
      from generate_series(1, 1000) i returning id`;
    const client = await open("wide");
    const asked: [string, object][] = [
      ["user.fetch", { ids: wide.slice(0, 100).map(({ id }) => id) }],
      ["user.list", { type: "kiosk", limit: 1000 }],
    ];
    for (const [action, body] of asked) {
      client.socket.pause();
      const before = await bytesSent();
      client.send([action, "wide", body]);
      await waitFor("a part to be out", async () => (await bytesSent()) > before + PART_BYTES);
      client.socket.resume();
      const [outcome, , result] = await client.next();
      t.equal(outcome, "success");
      t.equal(Object.keys(result.users ?? result).length, action === "user.fetch" ? 100 : 1000);
    }
    t.strictSame(await client.quiet(), []);
    client.end();
  });

  t.test("while it is on its way, others are served, and what is for this connection waits", async (t) => {
    const client = await open("half");
    const twin = await open("half");
    const other = await open("other");
    client.socket.pause();
    client.send(["user.list", "list", {}]);
    client.send(["user.fetch", "behind", { ids: [] }]);
    await underWay(client.user);
    t.match(await twin.ask("user.list", {}), { ok: false, body: { code: "protocol.rate_limited" } });
    t.ok((await other.ask("user.fetch", { id: twin.user })).ok);
    t.ok((await twin.ask("user.update", { profile: { display_name: "Half" } })).ok);
    client.send(["ping", "in between"]);
    client.socket.resume();
    t.match(await client.next(), ["success", "list", Object]);
    const rest = [await client.next(), await client.next(), await client.next()];
    t.strictSame(rest.map(([action]) => action).sort(), ["pong", "success", "user.updated"]);
    t.ok((await client.ask("user.list", {})).ok, "and once it is done, there may be another");
    for (const each of [client, twin, other]) each.end();
  });

  t.test("a client that does not read is closed with 1013, and its turn is over", async (t) => {
    const client = await open("stuck");
    client.socket.pause();
    client.send(["user.list", "list", {}]);
    await waitFor(
      "the slow reader to be counted",
      async () =>
        /^foyer_gateway_slow_consumers_total 1$/m.test(await (await fetch(`${gateway.ops}/metrics`)).text()),
      20_000,
    );
    client.socket.resume();
    t.equal((await client.closed()).code, 1013);
    const again = await open("stuck");
    t.ok((await again.ask("user.list", {})).ok);
    again.end();
  });

  /** A list of which not all is read yet. */
  const listMidway = async (name: string) => {
    const client = await open(name);
    client.socket.pause();
    const before = await bytesSent();
    client.send(["user.list", "list", {}]);
    await waitFor("a part to be out", async () => (await bytesSent()) > before + PART_BYTES);
    return client;
  };

  t.test("connection.reload and connection.replaced come after its end, then the close", async (t) => {
    const replaced = await listMidway("many");
    const others = [await open("many"), await open("many"), await open("many"), await open("many")];
    // Orders come one after the other: that of the first one was before.
    t.equal((await others[0]!.closed()).code, 4001);
    const told = await listMidway("told");
    const order = { kind: "reload", world: WORLD, over_ms: 0 };
    await redis.publish(createKeys(cluster.redisPrefix).gatewayChannel(gateway.id), JSON.stringify(order));
    // All are told in one turn.
    for (const other of others.slice(1)) t.equal((await other.closed()).code, 4000);
    const ends = [
      [replaced, ["error", { code: "connection.replaced", message: "Connection replaced" }], 4001],
      [told, ["connection.reload", {}], 4000],
    ] as const;
    for (const [client, lastWord, code] of ends) {
      client.send(["user.fetch", "too late", { ids: [] }]);
      client.socket.resume();
      t.match(await client.next(), ["success", "list", Object]);
      t.strictSame(await client.next(), lastWord);
      t.equal((await client.closed()).code, code);
      t.strictSame(client.heard, []);
    }
  });

  t.test("so does the connection.reload of a world that no longer admits somebody", async (t) => {
    const client = await listMidway("guest");
    const twin = await open("guest");
    const closed = { ...crowded, trait_grants: { attendee: ["vip"] } };
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(closed));
    // Both are told in one turn.
    t.equal((await twin.closed()).code, 4000);
    client.socket.resume();
    t.match(await client.next(), ["success", "list", Object]);
    t.strictSame(await client.next(), ["connection.reload", {}]);
    t.equal((await client.closed()).code, 4000);
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(crowded));
    await waitFor("guests to be let in", async () => {
      const again = await connectClient(gateway.world(WORLD));
      again.send(["authenticate", { client_id: "guest" }]);
      const [action] = await again.next();
      again.end();
      return action === "authenticated";
    });
  });

  t.test("when the worker dies midway, the connection is closed with 1012", async (t) => {
    const client = await listMidway("orphan");
    await worker.kill();
    await cluster.startWorker();
    client.socket.resume();
    t.equal((await client.closed()).code, 1012);
    t.strictSame(client.heard, []);
  });
});
