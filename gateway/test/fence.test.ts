import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import jwt from "jsonwebtoken";
import postgres from "postgres";
import t from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import { connectClient, type Frame } from "../../shared/testing/client.ts";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { startTcpProxy } from "../../shared/testing/tcp-proxy.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { openWorld, SECRET } from "./worlds.ts";

type Client = Awaited<ReturnType<typeof connectClient>>;

const token = (uid: string, traits: string[] = []) =>
  jwt.sign({ uid, traits }, SECRET, { issuer: "tickets", audience: "conf", expiresIn: 600 });

/** Sends updates as fast as their answers come, until it is closed; `sent` is the last that it sent. */
function hammer(client: Client, name: string) {
  let sent = 0;
  const send = () => client.send(["user.update", `u${++sent}`, { client_state: { name, sent } }]);
  // One more than is answered is always on its way.
  client.socket.on("message", (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as Frame;
    if (frame[0] === "success" && client.socket.readyState === client.socket.OPEN) send();
  });
  send();
  send();
}

/** What came after it began to listen, but for the word that the connection is over. */
function listenAfter(client: Client): Frame[] {
  const late: Frame[] = [];
  client.socket.on("message", (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as Frame;
    if (frame[0] !== "connection.reload") late.push(frame);
  });
  return late;
}

t.test("with two gateways and two workers", async (t) => {
  const cluster = await startTestCluster(t, {
    gateways: 2,
    workers: 2,
    worlds: [openWorld],
    environment: { FOYER_RATE: "0" },
  });
  const [near, far] = cluster.gateways as [(typeof cluster.gateways)[0], (typeof cluster.gateways)[0]];
  const logIn = async (gateway: typeof near, payload: unknown) => {
    const client = await connectClient(gateway.world("w"));
    return { ...client, login: await client.logIn(payload) };
  };
  const moderator = await logIn(near, { token: token("moderator", ["moderator"]) });
  t.teardown(() => moderator.end());
  const redis = new Redis(cluster.redisUrl);
  t.teardown(() => redis.disconnect());
  const sql = postgres(cluster.databaseUrl, { max: 1 });
  t.teardown(() => sql.end());
  const versionOf = async (id: string) => {
    const [row] =
      await sql`select version, profile, client_state from users where world_id = 'w' and id = ${id}`;
    return JSON.stringify(row);
  };
  const stateOf = async (id: string) => {
    const { body } = await moderator.ask("user.fetch", { id });
    return body;
  };

  t.test("from the moment a ban is answered nothing takes effect and nothing arrives", async (t) => {
    for (let trial = 1; trial <= 20; trial++) {
      const payload = { client_id: randomUUID() };
      const clients = await Promise.all(
        [near, near, far, far, far].map((gateway) => logIn(gateway, payload)),
      );
      const { id } = clients[0]!.login["user.config"];
      clients.forEach((client, i) => {
        hammer(client, `c${i}`);
      });
      await waitFor("updates to take effect", () => clients.every(({ heard }) => heard.length > 5));
      t.ok((await moderator.ask("user.ban", { id })).ok);
      const late = clients.map(listenAfter);
      const versionAtBan = await versionOf(id);
      for (const client of clients) client.send(["user.update", "late", { client_state: { late: true } }]);
      for (const client of clients) t.equal((await client.closed()).code, 4000);
      t.ok(clients.every(({ heard }) => heard.some(([action]) => action === "connection.reload")));
      // Whatever was on its way to a worker has come through once this is answered.
      await stateOf(id);
      t.equal(await versionOf(id), versionAtBan);
      t.same(late.flat(), []);
      t.equal((await stateOf(id)).moderation_state, "banned");
    }
  });

  t.test("reactivated, a user logs in at once, and stays in", async (t) => {
    const payload = { client_id: randomUUID() };
    const client = await logIn(far, payload);
    const { id } = client.login["user.config"];
    for (let times = 1; times <= 5; times++) {
      t.ok((await moderator.ask("user.ban", { id })).ok);
      const refused = await connectClient(far.world("w"));
      refused.send(["authenticate", payload]);
      t.match(await refused.next(), ["error", { code: "auth.denied" }]);
      t.ok((await moderator.ask("user.reactivate", { id })).ok);
      const again = await logIn(far, payload);
      t.ok((await again.ask("user.update", { profile: { times } })).ok);
      t.same(await again.quiet(), []);
      for (const each of [refused, again]) each.end();
    }
  });

  t.test("nobody is let in by a login that was on its way when the ban came", async (t) => {
    for (let trial = 1; trial <= 10; trial++) {
      const payload = { client_id: randomUUID() };
      const first = await logIn(near, payload);
      const { id } = first.login["user.config"];
      const others = await Promise.all(
        [near, far, near, far].map((gateway) => connectClient(gateway.world("w"))),
      );
      for (const other of others) other.send(["authenticate", payload]);
      t.ok((await moderator.ask("user.ban", { id })).ok);
      const late = others.map(listenAfter);
      for (const other of others) other.send(["user.fetch", 1, { id }]);
      await Promise.all(
        others.map(async (other) => {
          await waitFor("the end or a refusal", async () => {
            const { readyState, OPEN } = other.socket;
            return readyState !== OPEN || other.heard.some(([, what]) => what?.code === "auth.denied");
          });
        }),
      );
      const frames = late.flat().filter(([action]) => action !== "error");
      t.same(frames, []);
      for (const each of [first, ...others]) each.end();
    }
  });

  t.test("silenced: cut off to end calls, and may come back to look on", async (t) => {
    const payload = { client_id: randomUUID() };
    const clients = [await logIn(near, payload), await logIn(far, payload)];
    const { id } = clients[0]!.login["user.config"];
    t.ok((await moderator.ask("user.silence", { id })).ok);
    for (const client of clients) {
      t.equal((await client.closed()).code, 4000);
      t.same(client.heard.pop(), ["connection.reload", {}]);
      // What a gateway asks for when a connection joins may bring the new version before the fence is raised.
      for (const frame of client.heard) t.match(frame, ["user.updated", { id }]);
    }
    const again = await logIn(far, payload);
    t.same(again.login["world.config"].permissions, [
      "room:chat.join",
      "room:chat.read",
      "room:view",
      "world:view",
    ]);
    t.ok((await moderator.ask("user.reactivate", { id })).ok);
    const [, config] = await again.take("world.updated");
    t.ok(config.permissions.includes("room:chat.send"));
    again.end();
  });

  t.test("deleted: cut off, and the same token makes a new account", async (t) => {
    const payload = { token: token("leaver") };
    const clients = [await logIn(near, payload), await logIn(far, payload)];
    const { id } = clients[0]!.login["user.config"];
    t.ok((await moderator.ask("user.delete", { id })).ok);
    for (const client of clients) t.equal((await client.closed()).code, 4000);
    const again = await logIn(near, payload);
    t.not(again.login["user.config"].id, id);
    again.end();
  });

  t.test("a gateway that was stopped meanwhile passes nothing when it runs again", async (t) => {
    const payload = { client_id: randomUUID() };
    const bystander = await logIn(far, { client_id: randomUUID() });
    const clients = [await logIn(near, payload), await logIn(far, payload), await logIn(far, payload)];
    const { id } = clients[0]!.login["user.config"];
    clients.forEach((client, i) => {
      hammer(client, `c${i}`);
    });
    await waitFor("updates to take effect", () => clients.every(({ heard }) => heard.length > 5));
    far.process.kill("SIGSTOP");
    t.ok((await moderator.ask("user.ban", { id })).ok, "it is not waited for longer than its lease runs");
    const late = clients.map(listenAfter);
    const version = await versionOf(id);
    for (const client of clients.slice(1)) {
      client.send(["ping", "late"]);
      client.send(["user.update", "late", { client_state: { late: true } }]);
    }
    const waiting = bystander.ask("user.update", { profile: { waited: true } });
    far.process.kill("SIGCONT");
    for (const client of clients) await client.closed();
    t.same(late.flat(), []);
    t.equal(await versionOf(id), version);
    t.ok((await waiting).ok, "others go on where they were");
    bystander.end();
  });

  t.test("also when the user was let in again before it runs, and Redis has lost the fence", async (t) => {
    const payload = { client_id: randomUUID() };
    const clients = [await logIn(far, payload), await logIn(far, payload)];
    const { id } = clients[0]!.login["user.config"];
    far.process.kill("SIGSTOP");
    t.ok((await moderator.ask("user.ban", { id })).ok);
    for (const client of clients) client.send(["user.update", "late", { profile: { late: true } }]);
    t.ok((await moderator.ask("user.reactivate", { id })).ok);
    await redis.del(`${cluster.redisPrefix}:fences:{gateway}`);
    far.process.kill("SIGCONT");
    for (const client of clients) await client.closed();
    t.same((await stateOf(id)).profile, {});
    const again = await logIn(far, payload);
    t.same(await again.quiet(), []);
    again.end();
  });

  t.test(
    "a new gateway goes by the database, which may have been restored, not by fences from before",
    async (t) => {
      const payload = { client_id: randomUUID() };
      const client = await logIn(near, payload);
      const { id } = client.login["user.config"];
      client.end();
      const keys = createKeys(cluster.redisPrefix);
      // As a ban would have left it that the restored database does not know.
      await redis.xadd(keys.fences(), "*", "w", "w", "u", id, "v", "1000000");
      const later = await cluster.startGateway();
      const again = await logIn(later, payload);
      t.equal(again.login["user.config"].id, id);
      again.end();
      t.equal(await later.stop(), 0);
    },
  );

  t.test("a gateway that is cut off from Redis speaks for itself alone, and then lets go", async (t) => {
    const { hostname, port } = new URL(cluster.redisUrl);
    const proxy = await startTcpProxy(t, { host: hostname, port: Number(port) });
    const lone = await cluster.startGateway({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
    const payload = { client_id: randomUUID() };
    const client = await logIn(lone, payload);
    const bystander = await logIn(lone, { client_id: randomUUID() });
    const { id } = client.login["user.config"];
    proxy.freeze();
    t.ok((await moderator.ask("user.ban", { id })).ok);
    client.send(["user.update", "late", { profile: { late: true } }]);
    client.send(["ping", "alone"]);
    // Pongs come again, and so does the word that no worker answers; nothing else can.
    t.same(await client.next(), ["pong", "alone"]);
    t.same(await client.next(), ["error", "late", { code: "server.timeout" }]);
    proxy.heal();
    t.same(await client.next(), ["connection.reload", {}]);
    t.equal((await client.closed()).code, 4000);
    t.same((await stateOf(id)).profile, {});
    t.ok((await bystander.ask("user.update", { profile: { here: true } })).ok);
    bystander.end();
  });
});

t.test("many bans at once wait for a gateway, and nodes write nothing but log lines meanwhile", async (t) => {
  const lines: string[] = [];
  const { gateways } = await startTestCluster(t, {
    gateways: 2,
    worlds: [openWorld],
    onLine: (line) => void lines.push(line),
  });
  const [near, far] = gateways as [(typeof gateways)[0], (typeof gateways)[0]];
  const logIn = async (payload: unknown) => {
    const client = await connectClient(near.world("w"));
    t.teardown(() => client.end());
    return { ...client, id: (await client.logIn(payload))["user.config"].id };
  };
  // More than Node lets listen to one thing without a warning.
  const names = Array.from({ length: 12 }, (_, i) => `m${i}`);
  const moderators = await Promise.all(names.map((name) => logIn({ token: token(name, ["moderator"]) })));
  const guests = await Promise.all(names.map(() => logIn({ client_id: randomUUID() })));
  far.process.kill("SIGSTOP");
  const answers = await Promise.all(moderators.map(({ ask }, i) => ask("user.ban", { id: guests[i]!.id })));
  far.process.kill("SIGCONT");
  t.ok(answers.every(({ ok }) => ok));
  t.strictSame(
    lines.filter((line) => !line.startsWith("{")),
    [],
  );
});
