import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import jwt from "jsonwebtoken";
import postgres from "postgres";
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { runFoyer, startTestCluster } from "../../shared/testing/cluster.ts";
import { startTcpProxy } from "../../shared/testing/tcp-proxy.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { narrowWorld, openWorld, SECRET } from "./worlds.ts";

const token = (uid: string, traits: string[]) =>
  jwt.sign({ uid, traits }, SECRET, { issuer: "tickets", audience: "conf", expiresIn: 60 });

t.test("over two gateways and two workers", async (t) => {
  const cluster = await startTestCluster(t, { gateways: 2, workers: 2, worlds: [openWorld, narrowWorld] });
  const [near, far] = cluster.gateways as [(typeof cluster.gateways)[0], (typeof cluster.gateways)[0]];
  const redis = new Redis(cluster.redisUrl);
  t.teardown(() => redis.disconnect());
  const logIn = async (gateway: typeof near, payload: unknown, world = "w") => {
    const client = await connectClient(gateway.world(world));
    return { ...client, login: await client.logIn(payload) };
  };

  t.test(
    "user.updated reaches each other connection once, on every gateway, and not the sender",
    async (t) => {
      const payload = { client_id: randomUUID() };
      const sender = await logIn(near, payload);
      const others = [await logIn(near, payload), await logIn(far, payload), await logIn(far, payload)];
      for (let n = 1; n <= 20; n++) {
        t.ok((await sender.ask("user.update", { profile: { n }, client_state: { n } })).ok);
      }
      for (const other of others) {
        for (let n = 1; n <= 20; n++) {
          const [action, user] = await other.next();
          t.equal(action, "user.updated");
          t.match(user, { id: sender.login["user.config"].id, profile: { n }, client_state: { n } });
        }
        t.strictSame(await other.quiet(), []);
      }
      t.strictSame(await sender.quiet(), []);
      for (const client of [sender, ...others]) client.end();
    },
  );

  t.test("who changes itself right after its login is told by the answer alone", async (t) => {
    // What a gateway may have missed before it listened is asked for meanwhile, and now and then finds that change.
    const heard: unknown[] = [];
    for (let n = 0; n < 300; n++) {
      const client = await logIn(n % 2 === 0 ? near : far, { client_id: randomUUID() });
      if (!(await client.ask("user.update", { profile: { n } })).ok) t.fail("no success");
      heard.push(...(await client.quiet()));
      client.end();
    }
    t.strictSame(heard, []);
  });

  t.test("an update that changes nothing is answered with success and pushes nothing", async (t) => {
    const payload = { client_id: randomUUID() };
    const [sender, other] = [await logIn(near, payload), await logIn(far, payload)];
    t.ok((await sender.ask("user.update", { profile: { a: 1, b: 2 } })).ok);
    await other.take("user.updated");
    t.ok((await sender.ask("user.update", { profile: { b: 2, a: 1 } })).ok);
    t.ok((await sender.ask("user.update", {})).ok);
    t.ok((await sender.ask("user.update", { profile: { a: 2 } })).ok);
    t.match((await other.next())[1], { profile: { a: 2 } }, "the next push is the next change");
    for (const client of [sender, other]) client.end();
  });

  t.test("two tabs that write at once both end with the newest state, and none goes back", async (t) => {
    const payload = { client_id: randomUUID() };
    const tabs = [await logIn(near, payload), await logIn(far, payload)];
    const { id } = tabs[0]!.login["user.config"];
    await Promise.all(
      tabs.map(async (tab, which) => {
        for (let n = 1; n <= 15; n++) {
          const value = which === 0 ? { profile: { n } } : { client_state: { n } };
          t.ok((await tab.ask("user.update", value)).ok);
        }
      }),
    );
    const last = { profile: { n: 15 }, client_state: { n: 15 } };
    const watcher = await logIn(near, payload);
    t.match(watcher.login["user.config"], last);
    for (const [which, tab] of tabs.entries()) {
      const key = which === 0 ? "client_state" : "profile";
      // What the other tab wrote last has to have come, unless it stood in an answer that was pushed before.
      await waitFor("the other tab's last value", () =>
        tab.heard.some(([, user]) => user.id === id && user[key].n === 15),
      );
      const seen = tab.heard.filter(([action]) => action === "user.updated").map(([, user]) => user);
      for (const part of ["profile", "client_state"]) {
        const values = seen.map((user) => user[part].n ?? 0);
        t.strictSame(
          values,
          [...values].sort((a, b) => a - b),
          "never an older state after a newer one",
        );
      }
    }
    for (const client of [...tabs, watcher]) client.end();
  });

  t.test("traits that a token changes reach the user's other connections", async (t) => {
    const uid = randomUUID();
    const first = await logIn(far, { token: token(uid, []) });
    const second = await logIn(near, { token: token(uid, ["speaker"]) });
    t.strictSame(second.login["user.config"].badges, ["Speaker"]);
    t.match(await first.next(), ["user.updated", { badges: ["Speaker"] }]);
    for (const client of [first, second]) client.end();
  });

  t.test("a world that is imported anew reaches those who are connected", async (t) => {
    const client = await logIn(near, { client_id: randomUUID() });
    const rooms = [...openWorld.rooms, { id: "lounge", name: "Lounge" }];
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify({ ...openWorld, rooms }));
    const [, config] = await client.take("world.updated");
    t.same(
      config.rooms.map((room: { import_id: string }) => room.import_id),
      ["stage", "lounge"],
    );
    client.end();
  });

  t.test("who is no longer admitted is told to load anew, and closed", async (t) => {
    const closing = { world: { ...openWorld.world, id: "closing" } };
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(closing));
    const client = await logIn(far, { client_id: randomUUID() }, "closing");
    const closed = { ...closing, trait_grants: { attendee: ["ticket"] } };
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(closed));
    t.strictSame(await client.take("connection.reload"), ["connection.reload", {}]);
    t.equal((await client.closed()).code, 4000);
  });

  t.test("beyond the world's limit the oldest connections are replaced, on whichever node", async (t) => {
    const payload = { client_id: randomUUID() };
    const oldest = await logIn(far, payload, "narrow");
    const middle = await logIn(near, payload, "narrow");
    const newest = await logIn(near, payload, "narrow");
    t.strictSame(await oldest.next(), [
      "error",
      { code: "connection.replaced", message: "Connection replaced" },
    ]);
    t.equal((await oldest.closed()).code, 4001);
    t.strictSame(await middle.quiet(), []);
    for (const client of [middle, newest]) client.end();
  });

  t.test("a connection that ends leaves the registry", async (t) => {
    const client = await logIn(near, { client_id: randomUUID() });
    const key = `${cluster.redisPrefix}:registry:{w:${client.login["user.config"].id}}`;
    t.equal(await redis.zcard(key), 1);
    client.end();
    await waitFor("the registry to be empty", async () => (await redis.zcard(key)) === 0);
  });
});

t.test("a gateway that lost its link to Redis converges once it is back", async (t) => {
  const cluster = await startTestCluster(t, { worlds: [openWorld] });
  const target = new URL(cluster.redisUrl);
  const proxy = await startTcpProxy(t, { host: target.hostname, port: Number(target.port) });
  const cutOff = await cluster.startGateway({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
  const payload = { client_id: randomUUID() };
  const listener = await connectClient(cutOff.world("w"));
  await listener.logIn(payload);
  const writer = await connectClient(cluster.gateways[0]!.world("w"));
  await writer.logIn(payload);

  proxy.cut();
  await waitFor("the gateway to say so", async () => (await fetch(`${cutOff.http}/readyz`)).status === 503);
  t.equal((await fetch(`${cutOff.http}/healthz`)).status, 200, "a Redis outage restarts no pod");
  for (let n = 1; n <= 3; n++) t.ok((await writer.ask("user.update", { profile: { n } })).ok);
  t.strictSame(await listener.quiet(), []);
  proxy.heal();
  t.match(await listener.next(), ["user.updated", { profile: { n: 3 } }], "the newest state, once");
  t.ok((await writer.ask("user.update", { profile: { n: 4 } })).ok);
  t.match(await listener.next(), ["user.updated", { profile: { n: 4 } }]);
  t.ok((await listener.ask("user.update", { profile: { n: 5 } })).ok);
  t.match(await writer.next(), ["user.updated", { profile: { n: 5 } }]);
  for (const client of [listener, writer]) client.end();
});

t.test("a gateway whose lease ran out enters its connections in the registry again", async (t) => {
  const cluster = await startTestCluster(t, { worlds: [openWorld] });
  const gateway = cluster.gateways[0]!;
  const redis = new Redis(cluster.redisUrl);
  t.teardown(() => redis.disconnect());
  const client = await connectClient(gateway.world("w"));
  const { "user.config": user } = await client.logIn({ client_id: randomUUID() });
  const key = `${cluster.redisPrefix}:registry:{w:${user.id}}`;
  const [entered] = await redis.zrange(key, "0", "-1");
  t.match(entered, gateway.id);
  // As when Redis comes back empty, or the leader has cleared up after a gateway that was stopped.
  await redis.del(
    key,
    `${cluster.redisPrefix}:leases:{gateway}`,
    `${cluster.redisPrefix}:gateway-users:{${gateway.id}}`,
  );
  await waitFor("the connection to be back", async () => (await redis.zrange(key, "0", "-1"))[0] === entered);
  client.end();
  await waitFor("it to leave again", async () => (await redis.exists(key)) === 0);
});

t.test("a version that came by before is not passed on again", async (t) => {
  const cluster = await startTestCluster(t, { worlds: [openWorld] });
  const client = await connectClient(cluster.gateways[0]!.world("w"));
  const { "user.config": user } = await client.logIn({ client_id: randomUUID() });
  const sql = postgres(cluster.databaseUrl, { max: 1 });
  const redis = new Redis(cluster.redisUrl);
  t.teardown(async () => {
    redis.disconnect();
    await sql.end();
  });
  const { encodeUserBroadcast } = await import("../../shared/envelope.ts");
  const publish = (version: number) =>
    redis.publish(
      `${cluster.redisPrefix}:user:w:${user.id}`,
      encodeUserBroadcast({
        world: "w",
        user: user.id,
        version,
        frame: `["user.updated",{"version":${version}}]`,
        accessChanged: false,
        origin: null,
        publishedAt: Date.now(),
      }),
    );
  await waitFor("the gateway to listen", async () => (await publish(2)) === 1);
  for (const version of [2, 4, 3, 4, 5]) await publish(version);
  for (const version of [2, 4, 5]) t.strictSame(await client.next(), ["user.updated", { version }]);
  t.strictSame(await client.quiet(), []);
  client.end();
});
