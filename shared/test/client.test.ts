/** The client over real gateways: what it promises when links break and nodes stop. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import jwt from "jsonwebtoken";
import postgres from "postgres";
import t, { type Test } from "tap";
import WebSocket from "ws";
import { type ClientEvents, type ClientOptions, connectFoyer } from "../client/connect.ts";
import { runFoyer, startTestCluster } from "../testing/cluster.ts";
import { startTcpProxy } from "../testing/tcp-proxy.ts";
import { waitFor } from "../testing/wait-for.ts";

const SECRET = "a secret of the test world";
const world = {
  world: { id: "w", title: "W", JWT_secrets: [{ secret: SECRET, issuer: "i", audience: "a" }] },
};
const narrow = { world: { id: "narrow", title: "Narrow", connection_limit: 1 } };
const token = (uid: string, expiresIn = 60) =>
  jwt.sign({ uid }, SECRET, { issuer: "i", audience: "a", expiresIn });

/** Fast enough for tests, still with every step. */
const reconnect = { firstMs: 20, capMs: 200, spreadMs: 20 };

/** A client that ends with the test. */
function connect(t: Test, url: string | string[], options: Partial<ClientOptions> = {}) {
  const client = connectFoyer(url, { login: { client_id: randomUUID() }, WebSocket, reconnect, ...options });
  t.teardown(() => client.close());
  const frames: string[] = [];
  client.on("frame", (text) => frames.push(text));
  /** The next event of this name; asked for before what causes it. */
  const next = <K extends keyof ClientEvents>(event: K) =>
    new Promise<ClientEvents[K]>((resolve) => {
      const off = client.on(event, (value) => {
        off();
        resolve(value);
      });
    });
  return { client, frames, next };
}

t.test("over two gateways", async (t) => {
  const cluster = await startTestCluster(t, { gateways: 2, worlds: [world, narrow] });
  const [near, far] = cluster.gateways as [(typeof cluster.gateways)[0], (typeof cluster.gateways)[0]];

  t.test("calls are answered with typed results, and refused with their code", async (t) => {
    const { client } = connect(t, near.world("w"), { login: { token: token("ada") } });
    const { "user.config": me, "world.config": config } = await client.ready;
    t.equal(config.world.title, "W");
    t.strictSame(await client.call("user.update", { profile: { display_name: "Ada" } }), {});
    t.match(await client.call("user.fetch", { id: me.id }), { id: me.id, profile: { display_name: "Ada" } });
    await t.rejects(client.call("user.fetch", { id: randomUUID() }), {
      name: "CommandError",
      code: "user.not_found",
    });
    await t.rejects(client.call("user.fetch", {}), { code: "user.invalid_body" });
  });

  t.test("calls take effect in the order in which they were made, unawaited", async (t) => {
    const { client } = connect(t, near.world("w"));
    const { "user.config": me } = await client.ready;
    const steps = [];
    for (let n = 1; n <= 20; n++) {
      steps.push(client.call("user.update", { profile: { n } }));
      steps.push(client.call("user.fetch", { id: me.id }), client.call("user.fetch", { id: me.id }));
    }
    const results = (await Promise.all(steps)) as { profile?: { n: number } }[];
    const seen = results.flatMap(({ profile }) => (profile ? [profile.n] : []));
    t.strictSame(seen, Array.from({ length: 20 }, (_, i) => [i + 1, i + 1]).flat());
  });

  t.test("what another connection changes is heard; a listener taken off hears nothing", async (t) => {
    const login = { client_id: randomUUID() };
    const one = connect(t, near.world("w"), { login });
    const other = connect(t, far.world("w"), { login });
    await Promise.all([one.client.ready, other.client.ready]);
    const heard: unknown[] = [];
    const off = other.client.on("user.updated", ({ profile }) => heard.push(profile.n));
    let news = other.next("user.updated");
    await one.client.call("user.update", { profile: { n: 1 } });
    await news;
    off();
    news = other.next("user.updated");
    await one.client.call("user.update", { profile: { n: 2 } });
    await news;
    t.strictSame(heard, [1]);
    const update = other.next("world.updated");
    const renamed = { world: { ...world.world, title: "Renamed" } };
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(renamed));
    t.equal((await update).world.title, "Renamed");
  });

  t.test("a refused login rejects ready, and is not tried again", async (t) => {
    for (const [login, code] of [
      [{ token: "x" }, "auth.invalid_token"],
      [{ token: token("late", -60) }, "auth.expired_token"],
    ] as const) {
      const { client, next, frames } = connect(t, near.world("w"), { login });
      const closed = next("closed");
      const call = client.call("user.fetch", { ids: [] });
      await t.rejects(client.ready, { code });
      await t.rejects(call, { code: "client.closed" });
      t.match((await closed).error, { code });
      t.equal(frames.length, 1);
      await t.rejects(client.call("user.fetch", { ids: [] }), { code: "client.closed" });
    }
  });

  t.test("an unknown world rejects ready", async (t) => {
    await t.rejects(connect(t, near.world("nowhere")).client.ready, { code: "world.unknown_world" });
  });

  t.test("a login function is asked at each login", async (t) => {
    const target = new URL(near.http);
    const proxy = await startTcpProxy(t, { host: target.hostname, port: Number(target.port) });
    const id = randomUUID();
    let asked = 0;
    const login = () => {
      asked++;
      return { client_id: id };
    };
    const { client, next } = connect(t, `ws://127.0.0.1:${proxy.port}/ws/world/w`, { login });
    await client.ready;
    const back = next("reconnected");
    proxy.cut();
    proxy.heal();
    await back;
    t.equal(asked, 2);
  });

  t.test("a call that is made while the link is cut is sent once it is back", async (t) => {
    const target = new URL(near.http);
    const proxy = await startTcpProxy(t, { host: target.hostname, port: Number(target.port) });
    const { client, next } = connect(t, `ws://127.0.0.1:${proxy.port}/ws/world/w`);
    const { "user.config": me } = await client.ready;
    const lost = next("lost");
    proxy.cut();
    t.equal((await lost).code, 1006);
    const call = client.call("user.fetch", { id: me.id });
    proxy.heal();
    t.match(await call, { id: me.id });
  });

  t.test("a link that is open by name only is given up", async (t) => {
    const target = new URL(near.http);
    const proxy = await startTcpProxy(t, { host: target.hostname, port: Number(target.port) });
    const { client, next, frames } = connect(t, `ws://127.0.0.1:${proxy.port}/ws/world/w`, {
      timeouts: { silenceMs: 600 },
    });
    await client.ready;
    await waitFor("pongs on an idle link", () => frames.filter((text) => /^\["pong"/.test(text)).length > 2);
    const lost = next("lost");
    proxy.freeze();
    t.match(await lost, { code: 1006, reason: "nothing came any more" });
    const back = next("reconnected");
    proxy.heal();
    await back;
    t.match(await client.call("user.fetch", { ids: [] }), {});
  });

  t.test("a replaced connection stays away", async (t) => {
    const login = { client_id: randomUUID() };
    const old = connect(t, near.world("narrow"), { login });
    await old.client.ready;
    const events = Promise.all([old.next("replaced"), old.next("closed")]);
    const young = connect(t, far.world("narrow"), { login });
    await young.client.ready;
    const [, closed] = await events;
    t.match(closed, { code: 4001, error: { code: "connection.replaced" } });
    await t.rejects(old.client.call("user.fetch", { ids: [] }), { code: "client.closed" });
    t.match(await young.client.call("user.fetch", { ids: [] }), {});
  });

  t.test("after reload the client stays away until it is told to come back", async (t) => {
    const closing = { world: { ...world.world, id: "closing" } };
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(closing));
    const { client, next, frames } = connect(t, near.world("closing"));
    await client.ready;
    const reload = next("reload");
    const closed = { ...closing, trait_grants: { attendee: ["ticket"] } };
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(closed));
    await reload;
    t.equal(frames.at(-1), '["connection.reload",{}]');
    t.notOk(client.sendFrame('["ping",1]'), "there is no connection");
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(closing));
    const call = client.call("user.fetch", { ids: [] });
    client.reconnect();
    t.strictSame(await call, {});
  });

  t.test("close says goodbye and rejects what was not answered", async (t) => {
    const { client, next } = connect(t, near.world("w"));
    await client.ready;
    const call = client.call("user.fetch", { ids: [] });
    const closed = next("closed");
    client.close();
    await t.rejects(call, { code: "client.closed" });
    t.match(await closed, { code: 1000, error: null });
  });

  t.test("the compiled client runs on the platform's own WebSocket, as in a browser", async (t) => {
    const script = `
      import { connectFoyer } from ${JSON.stringify(new URL("../../dist/shared/client/connect.js", import.meta.url).href)};
      const client = connectFoyer(${JSON.stringify(near.world("w"))}, { login: { client_id: "browser" } });
      client.on("closed", ({ code, error }) => console.log(code, error));
      const { "user.config": { id } } = await client.ready;
      console.log((await client.call("user.fetch", { id })).id === id);
      client.close();`;
    // Node 20 has its WebSocket behind this flag; later ones take it too.
    const args = ["--experimental-websocket", "--no-warnings", "--input-type=module", "-e", script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: {} });
    t.equal(stdout, "true\n1000 null\n");
  });

  t.test("frames of one's own go past the queue, and their answers are heard as frames", async (t) => {
    const { client, frames } = connect(t, near.world("w"));
    await client.ready;
    t.ok(client.sendFrame('["user.fetch","mine",{"ids":[]}]'));
    await waitFor("the answer", () => frames.includes('["success","mine",{}]'));
  });
});

t.test("commands whose outcome is unknown", async (t) => {
  const cluster = await startTestCluster(t, {
    worlds: [world],
    environment: { FOYER_COMMAND_TIMEOUT_MS: "2000" },
  });
  const gateway = cluster.gateways[0]!;
  const worker = cluster.workers[0]!;
  const redis = new Redis(cluster.redisUrl);
  const sql = postgres(cluster.databaseUrl, { max: 1 });
  t.teardown(async () => {
    redis.disconnect();
    await sql.end();
  });
  const profilesWritten = async (user: string) =>
    (
      await sql`select data -> 'new' -> 'n' as n from audit_log
               where user_id = ${user} and event = 'profile' order by id`
    ).map(({ n }) => n);

  t.test("a call whose link is cut over it is sent again and takes effect once", async (t) => {
    const target = new URL(gateway.http);
    const proxy = await startTcpProxy(t, { host: target.hostname, port: Number(target.port) });
    const login = { client_id: randomUUID() };
    const { client, next } = connect(t, `ws://127.0.0.1:${proxy.port}/ws/world/w`, { login });
    const watcher = connect(t, gateway.world("w"), { login });
    const { "user.config": me } = await client.ready;
    await watcher.client.ready;
    const heard: unknown[] = [];
    watcher.client.on("user.updated", ({ profile }) => heard.push(profile.n));

    worker.process.kill("SIGSTOP");
    const streams = () => redis.keys(`${cluster.redisPrefix}:*commands*`);
    const waiting = async () => {
      let count = 0;
      for (const key of await streams()) {
        if ((await redis.type(key)) === "stream") count += await redis.xlen(key);
      }
      return count;
    };
    const calls = [1, 2].map((n) => client.call("user.update", { profile: { n } }));
    await waitFor("the command to be with the workers", async () => (await waiting()) > 0);
    const lost = next("lost");
    proxy.cut();
    await lost;
    worker.process.kill("SIGCONT");
    proxy.heal();
    t.strictSame(await Promise.all(calls), [{}, {}]);
    t.strictSame(await profilesWritten(me.id), [1, 2]);
    const last = watcher.next("user.updated");
    await client.call("user.update", { profile: { n: 3 } });
    await last;
    t.strictSame(heard, [1, 2, 3]);
  });

  t.test("server.timeout: it is sent again, and what came after it still comes after it", async (t) => {
    const { client, frames } = connect(t, gateway.world("w"));
    const { "user.config": me } = await client.ready;
    worker.process.kill("SIGSTOP");
    const calls = [1, 2].map((n) => client.call("user.update", { profile: { n } }));
    await waitFor("server.timeout", () => frames.some((text) => text.includes("server.timeout")));
    worker.process.kill("SIGCONT");
    t.strictSame(await Promise.all(calls), [{}, {}]);
    t.strictSame(await profilesWritten(me.id), [1, 2]);
  });

  t.test("attempts and time are bounded", async (t) => {
    const once = connect(t, gateway.world("w"), { attempts: 1 });
    const brief = connect(t, gateway.world("w"), { timeouts: { commandMs: 300 } });
    await Promise.all([once.client.ready, brief.client.ready]);
    worker.process.kill("SIGSTOP");
    const body = { profile: { n: 1 } };
    await Promise.all([
      t.rejects(once.client.call("user.update", body), { code: "client.timeout", message: /1 attempt/ }),
      t.rejects(brief.client.call("user.update", body), { code: "client.timeout", message: /in time/ }),
    ]);
    worker.process.kill("SIGCONT");
  });
});

t.test("a rate-limited call is sent once more when the server says, if that is wanted", async (t) => {
  const environment = { FOYER_UPDATE_RATE: "0.5", FOYER_UPDATE_RATE_BURST: "1" };
  const { gateways } = await startTestCluster(t, { worlds: [world], environment });
  const url = gateways[0]!.world("w");
  const patient = connect(t, url);
  await patient.client.ready;
  for (let n = 1; n <= 2; n++) t.strictSame(await patient.client.call("user.update", { profile: { n } }), {});
  const other = connect(t, url, { retryRateLimited: false });
  await other.client.ready;
  await other.client.call("user.update", { profile: { n: 1 } });
  await t.rejects(other.client.call("user.update", { profile: { n: 2 } }), { code: "protocol.rate_limited" });
});

t.test("a gateway that drains sends its client to the next one", async (t) => {
  const cluster = await startTestCluster(t, { gateways: 2, worlds: [world] });
  const [first, second] = cluster.gateways.map((gateway) => gateway.world("w"));
  const { client, next } = connect(t, [first!, second!]);
  const { "user.config": me } = await client.ready;
  const events = Promise.all([next("lost"), next("reconnected")]);
  await cluster.gateways[0]!.stop();
  const [lost, again] = await events;
  t.equal(lost.code, 1012);
  t.ok(lost.waitMs <= reconnect.spreadMs);
  t.equal(again["user.config"].id, me.id);
  t.match(await client.call("user.fetch", { id: me.id }), { id: me.id });
});

t.test("without reconnecting, the first end is the last", async (t) => {
  const cluster = await startTestCluster(t, { worlds: [world] });
  const gateway = cluster.gateways[0]!;
  const { client, next } = connect(t, gateway.world("w"), { reconnect: false });
  await client.ready;
  const closed = next("closed");
  await gateway.stop();
  t.match(await closed, { code: 1012, error: { code: "client.closed" } });
  const late = connect(t, gateway.world("w"), { reconnect: false });
  await t.rejects(late.client.ready, { code: "client.closed", message: /ECONNREFUSED/ });
});
