/** `user.list` of a world of 100,000 accounts, over real processes: nobody holds the answer, nobody else feels it. */
import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import postgres from "postgres";
import t from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster, type TestNode } from "../../shared/testing/cluster.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { openWorld } from "./worlds.ts";

const ACCOUNTS = 100_000;
const WORLD = "w";
const crowded = {
  ...openWorld,
  roles: { attendee: ["world:view", "world:users.list"] },
  trait_grants: { attendee: [] },
};

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

t.test("with 100,000 accounts in the world", async (t) => {
  const cluster = await startTestCluster(t, { worlds: [crowded] });
  const gateway = cluster.gateways[0]!;
  const worker = cluster.workers[0]!;
  const sql = postgres(cluster.databaseUrl, { max: 1 });
  t.teardown(() => sql.end());
  await sql`
    insert into users (world_id, token_id, profile)
    select ${WORLD}, 'uid ' || i, jsonb_build_object('display_name', 'Zoë 🎈 ' || i, 'fields',
      jsonb_build_object('about', repeat('So much to say. ', 10)))
    from generate_series(1, ${ACCOUNTS}::int) i`;
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
  const open = async (client: string) => {
    const opened = await connectClient(gateway.world(WORLD));
    return { ...opened, user: (await opened.logIn({ client_id: client }))["user.config"].id as string };
  };

  t.test("the list is complete, and neither node grows by 32 MB", async (t) => {
    const client = await open("lister");
    // Once before: compiled code and grown heaps are not what is measured.
    t.ok((await client.ask("user.list", {})).ok);
    const watches = [gateway, worker].map(watchMemory);
    const { ok, body } = await client.ask("user.list", {});
    const [ofGateway, ofWorker] = watches.map((watch) => watch.growth());
    t.ok(ok);
    t.equal(Object.keys(body).length, ACCOUNTS + 1);
    t.ok(Object.entries<{ id: string }>(body).every(([id, user]) => user.id === id));
    t.ok(ofGateway! < 32, `gateway: ${ofGateway} MB`);
    t.ok(ofWorker! < 32, `worker: ${ofWorker} MB`);
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

  t.test("when the worker dies midway, the connection is closed with 1012", async (t) => {
    const client = await open("orphan");
    client.socket.pause();
    const before = await bytesSent();
    client.send(["user.list", "list", {}]);
    await waitFor("a part to be out", async () => (await bytesSent()) > before + PART_BYTES);
    await worker.kill();
    await cluster.startWorker();
    client.socket.resume();
    t.equal((await client.closed()).code, 1012);
    t.strictSame(client.heard, []);
  });
});
