/** Clients that are gone without a word: a cable is pulled, a phone loses its network, a machine is switched off. */
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import t from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import { connectClient } from "../../shared/testing/client.ts";
import { scrape } from "../../shared/testing/metrics.ts";
import { startTcpProxy } from "../../shared/testing/tcp-proxy.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { startStand } from "./hostile-stand.ts";
import { openWorld } from "./worlds.ts";

const IDLE_S = 8;
const VANISHED = 150;
/** The gateway looks every few seconds. */
const DEADLINE_MS = (IDLE_S + 12) * 1_000;

t.test("clients that vanish", async (t) => {
  const stand = await startStand(t, {
    worlds: [openWorld],
    gateways: 1,
    environment: { FOYER_IDLE_TIMEOUT_S: String(IDLE_S) },
  });
  const gateway = stand.gateways[0]!;
  const { hostname, port } = new URL(gateway.http);
  const proxy = await startTcpProxy(t, { host: hostname, port: Number(port) });
  const keys = createKeys(stand.redisPrefix);
  const redis = new Redis(stand.redisUrl);
  t.teardown(() => redis.disconnect());
  const metric = async (name: string, labels = {}) =>
    (await scrape(gateway.ops)).value(`foyer_gateway_${name}`, labels);
  /** All that is held for connections, here and in Redis. */
  const held = async () => ({
    loggedIn: await metric("connections", { state: "authenticated" }),
    others: await metric("connections", { state: "authenticating" }),
    channels: ((await redis.pubsub("CHANNELS", keys.userChannel("w", "*"))) as string[]).length,
    users: await redis.scard(keys.gatewayUsers(gateway.id)),
  });

  // It says nothing by itself either, and answers pings: that is enough.
  const silent = await connectClient(gateway.world("w"));
  const { "user.config": me } = await silent.logIn({ client_id: randomUUID() });
  const before = await held();
  const vanishing = await Promise.all(
    Array.from({ length: VANISHED }, async (_, i) => {
      const client = await connectClient(`ws://127.0.0.1:${proxy.port}/ws/world/w`);
      if (i % 3 === 0) return { client, id: null };
      const login = await client.logIn({ client_id: randomUUID() });
      return { client, id: login["user.config"].id as string };
    }),
  );
  const there = await held();
  t.equal(there.loggedIn + there.others, before.loggedIn + before.others + VANISHED);
  const someone = vanishing.find(({ id }) => id !== null)!.id!;
  const isOnline = async (id: string) =>
    (await silent.ask("user.online_status", { ids: [id] })).body[id] as boolean;
  t.ok(await isOnline(someone));

  t.test("are noticed within the idle time, and nothing is kept for them", async (t) => {
    const lost = await metric("connections_closed_total", { reason: "lost" }).catch(() => 0);
    proxy.freeze();
    const vanishedAt = performance.now();
    for (const { client } of vanishing) client.send(["user.fetch", 1, { ids: [] }]);
    await waitFor(
      "all to be forgotten",
      async () => JSON.stringify(await held()) === JSON.stringify(before),
      DEADLINE_MS,
    );
    t.comment(`forgotten ${Math.round(performance.now() - vanishedAt)} ms after they vanished`);
    t.equal((await metric("connections_closed_total", { reason: "lost" })) - lost, VANISHED);
    // The gateway's own are among them: some of those are always on their way for a moment.
    await waitFor("no command to be under way", async () => (await metric("inflight_commands")) === 0);
    t.notOk(await isOnline(someone));
  });

  t.test("whoever is there and says nothing stays", async (t) => {
    t.ok(await isOnline(me.id));
    t.same(await silent.quiet(), []);
    silent.end();
    for (const { client } of vanishing) client.end();
  });

  t.test("meanwhile nobody else was harmed, and the log is clean", (t) => stand.check(t));
});
