import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { scrape } from "../../shared/testing/metrics.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { openWorld } from "./worlds.ts";

t.test("no worker answers: server.timeout, and in order again once one is back", async (t) => {
  const cluster = await startTestCluster(t, {
    worlds: [openWorld],
    environment: { FOYER_COMMAND_TIMEOUT_MS: "400" },
  });
  const client = await connectClient(cluster.gateways[0]!.world("w"));
  await client.logIn({ client_id: randomUUID() });
  const worker = cluster.workers[0]!;
  worker.process.kill("SIGSTOP");
  for (const id of [1, 2]) client.send(["user.update", id, { profile: { id } }]);
  for (const id of [1, 2]) t.strictSame(await client.next(), ["error", id, { code: "server.timeout" }]);
  client.send(["ping", "still here"]);
  t.strictSame(await client.next(), ["pong", "still here"]);
  worker.process.kill("SIGCONT");
  await waitFor("an answer", async () => (await client.ask("user.update", { profile: { id: 3 } })).ok);
  t.strictSame(await client.quiet(), [], "the late answers are nobody's");
  client.end();
});

t.test(
  "a gateway that may not speak, since it cannot ask what it missed, does not stay silent",
  async (t) => {
    const cluster = await startTestCluster(t, {
      worlds: [openWorld],
      environment: { FOYER_COMMAND_TIMEOUT_MS: "2000" },
    });
    const gateway = cluster.gateways[0]!;
    const client = await connectClient(gateway.world("w"));
    await client.logIn({ client_id: randomUUID() });
    // Nobody can tell the gateway who was banned while it was taken for dead.
    cluster.workers[0]!.process.kill("SIGSTOP");
    const redis = new Redis(cluster.redisUrl);
    t.teardown(() => redis.disconnect());
    await redis.zrem(`${cluster.redisPrefix}:leases:{gateway}`, gateway.id);
    const isReady = async () => (await fetch(`${gateway.http}/readyz`)).ok;
    await waitFor("the gateway to notice", async () => !(await isReady()));
    client.send(["user.update", 1, { profile: { n: 1 } }]);
    t.equal((await client.closed()).code, 1012, "the client is to ask another gateway");
    t.strictSame(client.heard, [], "and nothing reached it");
  },
);

t.test("a backlog over its limit: server.overloaded, and nothing was done", async (t) => {
  const cluster = await startTestCluster(t, {
    worlds: [openWorld],
    environment: { FOYER_MAX_BACKLOG: "2", FOYER_COMMAND_TIMEOUT_MS: "5000" },
  });
  const redis = new Redis(cluster.redisUrl);
  t.teardown(() => redis.disconnect());
  const backlog = async () => Number(await redis.get(`${cluster.redisPrefix}:backlog:{0}`));
  const connect = async () => {
    const client = await connectClient(cluster.gateways[0]!.world("w"));
    await client.logIn({ client_id: randomUUID() });
    await waitFor("the login to be done with", async () => (await backlog()) === 0);
    return client;
  };
  const clients = [await connect(), await connect(), await connect()];
  const worker = cluster.workers[0]!;
  worker.process.kill("SIGSTOP");
  // One of the gateway's own commands may be in the stream as well: then the second is one too many.
  let refused: (typeof clients)[number] | undefined;
  const waiting: typeof clients = [];
  for (const client of clients) {
    const before = await backlog();
    client.send(["user.fetch", 1, { ids: [] }]);
    await waitFor("the command to wait, or to be refused", async () => {
      return client.heard.length > 0 || (await backlog()) > before;
    });
    if (client.heard.length > 0) {
      refused = client;
      break;
    }
    waiting.push(client);
  }
  t.strictSame(await refused?.next(), ["error", 1, { code: "server.overloaded" }]);
  worker.process.kill("SIGCONT");
  for (const client of waiting) t.strictSame(await client.next(), ["success", 1, {}]);
  for (const client of clients) client.end();
});

t.test("a worker that is killed: another takes its commands over, and each takes effect once", async (t) => {
  const cluster = await startTestCluster(t, { workers: 1, worlds: [openWorld] });
  const gateway = cluster.gateways[0]!;
  const client = await connectClient(gateway.world("w"));
  const watcher = await connectClient(gateway.world("w"));
  const payload = { client_id: randomUUID() };
  await client.logIn(payload);
  await watcher.logIn(payload);
  const dying = cluster.workers[0]!;
  dying.process.kill("SIGSTOP");
  client.send(["user.update", 1, { profile: { n: 1 } }]);
  await dying.kill();
  const second = await cluster.startWorker();
  t.ok(second.pid);
  t.strictSame(await client.next(), ["success", 1, {}]);
  t.match(await watcher.next(), ["user.updated", { profile: { n: 1 } }]);
  t.strictSame(await watcher.quiet(), []);
  for (const each of [client, watcher]) each.end();
});

t.test("a client that reads late, and sends meanwhile, hears why a gateway went", async (t) => {
  const { gateways } = await startTestCluster(t, { worlds: [openWorld] });
  const gateway = gateways[0]!;
  const client = await connectClient(gateway.world("w"));
  await client.logIn({ client_id: randomUUID() });
  client.socket.pause();
  const stopped = gateway.stop();
  await waitFor("its connection to be closed", async () => {
    const { value } = await scrape(gateway.ops);
    return value("foyer_gateway_connections", { state: "authenticated" }) === 0;
  });
  for (let n = 0; n < 3; n++) client.send(["ping", n]);
  client.socket.resume();
  t.equal((await client.closed()).code, 1012);
  t.equal(await stopped, 0);
});

t.test(
  "a draining gateway is not ready, refuses newcomers, answers what is under way, closes with 1012",
  async (t) => {
    const cluster = await startTestCluster(t, {
      gateways: 2,
      worlds: [openWorld],
      environment: { FOYER_DRAIN_SECONDS: "3" },
    });
    const gateway = cluster.gateways[0]!;
    const clients = await Promise.all(
      [1, 2, 3].map(async () => {
        const client = await connectClient(gateway.world("w"));
        await client.logIn({ client_id: randomUUID() });
        return client;
      }),
    );
    for (const client of clients) client.send(["user.update", 1, { profile: { last: true } }]);
    const stopped = gateway.stop();
    await waitFor("not being ready", async () => {
      const { status } = await fetch(`${gateway.ops}/readyz`);
      return status === 503;
    });
    const refused = await connectClient(gateway.world("w")).then(
      () => "let in",
      (error: Error) => error.message,
    );
    t.equal(refused, "upgrade refused with 503");
    for (const client of clients) {
      t.strictSame(await client.next(), ["success", 1, {}]);
      t.equal((await client.closed()).code, 1012);
    }
    t.equal(await stopped, 0);
    const other = await connectClient(cluster.gateways[1]!.world("w"));
    t.ok(await other.logIn({ client_id: randomUUID() }));
    other.end();
  },
);
