/** What a gateway writes again, and what it does not, when its way to Redis or its lease was gone for a while. */
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import postgres from "postgres";
import t, { type Test } from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster, type TestGateway } from "../../shared/testing/cluster.ts";
import { scrape } from "../../shared/testing/metrics.ts";
import { startTcpProxy } from "../../shared/testing/tcp-proxy.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { openWorld } from "./worlds.ts";

/** Everything is slow on a small machine that does much else. */
const DEADLINE_MS = 30_000;

t.test("over two gateways, one of them with a way to Redis that can be cut", async (t) => {
  const cluster = await startTestCluster(t, {
    worlds: [openWorld],
    // Far beyond what anything here may take: no answer is one because the time is over.
    environment: { FOYER_COMMAND_TIMEOUT_MS: "30000" },
  });
  const { hostname, port } = new URL(cluster.redisUrl);
  const proxy = await startTcpProxy(t, { host: hostname, port: Number(port) });
  const far = await cluster.startGateway({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
  const near = cluster.gateways[0]!;
  const keys = createKeys(cluster.redisPrefix);
  const redis = new Redis(cluster.redisUrl);
  const sql = postgres(cluster.databaseUrl, { max: 2 });
  t.teardown(async () => {
    redis.disconnect();
    await sql.end();
  });
  const logIn = async (gateway: TestGateway, payload: object = { client_id: randomUUID() }) => {
    const client = await connectClient(gateway.world("w"));
    const { "user.config": me } = await client.logIn(payload);
    return { ...client, id: me.id as string };
  };
  const underWay = async () => (await scrape(far.ops)).value("foyer_gateway_inflight_commands");
  const numbers = async (user: string) => {
    const rows = await sql`select data->'new'->>'n' as n from audit_log
      where user_id = ${user} and data->'new'->>'n' is not null order by id`;
    return rows.map(({ n }) => Number(n));
  };

  /** Once all that was on its way has come. */
  const hasTheLaterAlone = async (t: Test, user: string) => {
    await waitFor("nothing to be under way", async () => (await underWay()) === 0);
    await waitFor("workers to be done", async () => Number(await redis.get(keys.backlog(0))) === 0);
    t.strictSame(await numbers(user), [2], "what came later is not overwritten");
  };

  t.test("a command whose connection is gone is not written after the client went elsewhere", async (t) => {
    const payload = { client_id: randomUUID() };
    const client = await logIn(far, payload);
    const other = await logIn(far);
    await waitFor("all to be quiet", async () => (await underWay()) === 0);
    proxy.cut();
    client.send(["user.update", 1, { profile: { n: 1 } }]);
    other.send(["user.update", 1, { profile: { n: 1 } }]);
    await waitFor("both to wait for Redis", async () => (await underWay()) >= 2);
    client.end();
    await client.closed();
    const elsewhere = await logIn(near, payload);
    t.ok((await elsewhere.ask("user.update", { profile: { n: 2 } })).ok);
    proxy.heal();
    t.match(await other.next(), ["success", 1], "the other, which waited as long, is written");
    await hasTheLaterAlone(t, elsewhere.id);
    for (const each of [other, elsewhere]) each.end();
  });

  t.test("nor what its way to Redis still carried when the client had left", async (t) => {
    const payload = { client_id: randomUUID() };
    const client = await logIn(far, payload);
    const other = await logIn(far);
    await waitFor("all to be quiet", async () => (await underWay()) === 0);
    proxy.hold("up");
    const heldAt = performance.now();
    for (const { send } of [client, other]) send(["user.update", 1, { profile: { n: 1 } }]);
    await waitFor("both to be on their way", async () => (await underWay()) >= 2);
    client.end();
    await client.closed();
    const elsewhere = await logIn(near, payload);
    t.ok((await elsewhere.ask("user.update", { profile: { n: 2 } })).ok);
    await waitFor("them to be late", () => performance.now() - heldAt > 700);
    proxy.heal();
    t.match(await other.next(), ["success", 1], "who stayed is heard");
    await hasTheLaterAlone(t, elsewhere.id);
    for (const each of [other, elsewhere]) each.end();
  });

  t.test("nor what a gateway that stood still finds of a client that left meanwhile", async (t) => {
    const payload = { client_id: randomUUID() };
    const client = await logIn(far, payload);
    const other = await logIn(far);
    await waitFor("all to be quiet", async () => (await underWay()) === 0);
    const renewedAt = () => redis.zscore(keys.leases("gateway"), far.id);
    // A renewal whose answer comes while it stands still says nothing of its clients.
    proxy.hold("down");
    const before = await renewedAt();
    await waitFor("the lease to be renewed", async () => (await renewedAt()) !== before);
    far.process.kill("SIGSTOP");
    const stoppedAt = performance.now();
    proxy.heal();
    for (const { send } of [client, other]) send(["user.update", 1, { profile: { n: 1 } }]);
    client.end();
    await client.closed();
    const elsewhere = await logIn(near, payload);
    t.ok((await elsewhere.ask("user.update", { profile: { n: 2 } })).ok);
    await waitFor("it to stand still for long", () => performance.now() - stoppedAt > 700);
    far.process.kill("SIGCONT");
    t.match(await other.next(), ["success", 1], "who stayed is heard");
    await hasTheLaterAlone(t, elsewhere.id);
    for (const each of [other, elsewhere]) each.end();
  });

  t.test("an answer that was thrown away with a lease that ran out is asked for again", async (t) => {
    const client = await logIn(far);
    await sql.begin(async (tx) => {
      await tx`select 1 from users where id = ${client.id} for update`;
      client.send(["user.update", 7, { profile: { n: 7 } }]);
      await waitFor("a worker to have it", async () => {
        const [entries] = (await redis.xpending(keys.commandStream(0), "core")) as [number];
        return entries === 1;
      });
      far.process.kill("SIGSTOP");
    });
    await waitFor(
      "it to be answered",
      async () => Number(await redis.get(keys.backlog(0))) === 0,
      DEADLINE_MS,
    );
    await waitFor(
      "the gateway to be cleared up after",
      async () =>
        (await redis.zscore(keys.leases("gateway"), far.id)) === null &&
        (await redis.exists(keys.replyStream(far.id))) === 0,
      DEADLINE_MS,
    );
    far.process.kill("SIGCONT");
    t.match(await client.next(), ["success", 7]);
    t.strictSame(await numbers(client.id), [7], "it took effect once");
    client.end();
  });
});
