/** What holds for clients behind a reverse proxy: the same for each one that `deploy/proxy/` has a configuration for. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { Redis } from "ioredis";
import type { Test } from "tap";
import WebSocket from "ws";
import { connectFoyer, type FoyerClient } from "../../shared/client/connect.ts";
import { createKeys } from "../../shared/redis/keys.ts";
import { connectClient, type Frame } from "../../shared/testing/client.ts";
import { startTestCluster, type TestGateway } from "../../shared/testing/cluster.ts";
import { scrape } from "../../shared/testing/metrics.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { freePort } from "../local/ports.ts";
import { type ReverseProxy, TUNNEL_SECONDS } from "./reverse-proxy.ts";

const world = {
  world: { id: "w", title: "W" },
  roles: { attendee: ["world:view"] },
  trait_grants: { attendee: [] },
};

const CROWD = 12;
const DRAIN_SECONDS = 3;

/** @param start starts the proxy before gateways on these two ports */
export async function proxySuite(
  t: Test,
  start: (t: Test, ports: [number, number]) => Promise<ReverseProxy>,
): Promise<void> {
  const cluster = await startTestCluster(t, {
    worlds: [world],
    gateways: 0,
    environment: {
      FOYER_TRUSTED_PROXIES: "127.0.0.1",
      FOYER_IDLE_TIMEOUT_S: "8",
      FOYER_DRAIN_SECONDS: String(DRAIN_SECONDS),
    },
  });
  const ports: [number, number] = [await freePort(), await freePort()];
  const startGateway = (which: 0 | 1) => cluster.startGateway({ FOYER_PORT: String(ports[which]) });
  const gateways = await Promise.all([startGateway(0), startGateway(1)]);
  const proxy = await start(t, ports);
  const idle = await connectClient(proxy.world("w"));
  await idle.logIn({ client_id: "idle" });
  const idleSince = performance.now();

  t.test("connections go to the gateway that has the fewest", async (t) => {
    const clients = await Promise.all(Array.from({ length: 9 }, () => connectClient(proxy.world("w"))));
    const counts = await Promise.all(gateways.map(connectionsOf));
    t.strictSame(counts, [5, 5]);
    for (const client of clients) client.end();
  });

  t.test("the gateway sees a client's own address, whatever the client claims", async (t) => {
    const redis = new Redis(cluster.redisUrl);
    t.teardown(() => redis.disconnect());
    const keys = createKeys(cluster.redisPrefix);
    const failures = (address: string) => redis.get(keys.failedLogins(address));
    const claims = { "x-forwarded-for": "198.51.100.7, 127.0.0.1" };
    for (const [address, headers] of [
      ["127.0.0.2", {}],
      ["127.0.0.3", claims],
    ] as const) {
      const client = await connectClient(proxy.world("w"), headers, address);
      client.send(["authenticate", { token: "nonsense" }]);
      t.equal((await client.next())[0], "error");
      client.end();
      t.equal(await failures(address), "1", `${address} is known`);
    }
    for (const address of ["127.0.0.1", "198.51.100.7"]) t.equal(await failures(address), null, address);
  });

  t.test("clients reach the WebSocket and social logins, and nothing else of a gateway", async (t) => {
    for (const path of ["/metrics", "/ws/../metrics", "//metrics", "/ws/%2e%2e/metrics", "/healthz", "/"]) {
      const { status, body } = await get(proxy.http, path);
      t.equal(status, 404, path);
      t.notMatch(body, "foyer_", path);
    }
    const social = await get(proxy.http, "/social/twitter/start?token=none");
    t.equal(social.headers["referrer-policy"], "no-referrer", "answered by a gateway");
  });

  t.test("a connection outlasts the proxy's timeout, though its client says nothing", async (t) => {
    await waitFor(
      "the timeout to pass",
      () => performance.now() - idleSince > (TUNNEL_SECONDS + 2) * 1_000,
      (TUNNEL_SECONDS + 5) * 1_000,
    );
    t.strictSame(await idle.quiet(), []);
    idle.end();
  });

  t.test("a rolling restart under load fails no command and turns nobody away", async (t) => {
    const crowd = await gather(proxy.world("w"));
    t.teardown(() => crowd.leave());
    for (const which of [0, 1] as const) {
      const other = gateways[1 - which]!;
      const before = await scrape(other.ops);
      const stopped = gateways[which]!.stop();
      const newcomers = await comeIn(proxy, 4);
      if (proxy.sees !== null) {
        await waitFor("the proxy to see it drain", async () => !(await proxy.sees!(which)));
        t.ok((await connectionsOf(gateways[which]!)) > 0, "what it has stays, though nobody new comes");
        newcomers.push(...(await comeIn(proxy, 4)));
      }
      t.equal(await stopped, 0);
      const after = await scrape(other.ops);
      const opened = "foyer_gateway_connections_opened_total";
      t.ok(after.value(opened) - before.value(opened) >= newcomers.length, "all came to the other gateway");
      for (const client of newcomers) client.end();
      gateways[which] = await startGateway(which);
      if (proxy.sees !== null) await waitFor("the proxy to see it back", () => proxy.sees!(which));
    }
    const { ends, calls } = await crowd.stop();
    t.ok(calls > CROWD, `${calls} commands were answered, with ${ends.length} reconnections`);
    t.strictSame([...new Set(ends)], [1012], "no connection ended but by a gateway's goodbye");
  });
}

async function connectionsOf(gateway: TestGateway): Promise<number> {
  return (await scrape(gateway.ops)).value("foyer_gateway_connections");
}

/** New connections through the proxy, none of them turned away. */
async function comeIn(proxy: ReverseProxy, count: number) {
  const clients: Awaited<ReturnType<typeof connectClient>>[] = [];
  for (let i = 0; i < count; i++) clients.push(await connectClient(proxy.world("w")));
  return clients;
}

/** People on the project's own client, each with a command under way at any time. */
async function gather(url: string) {
  let isOver = false;
  let calls = 0;
  const ends: number[] = [];
  const reconnect = { firstMs: 50, capMs: 500, spreadMs: 500 };
  const clients = Array.from({ length: CROWD }, () => {
    const client = connectFoyer(url, { login: { client_id: randomUUID() }, WebSocket, reconnect });
    client.on("lost", ({ code }) => ends.push(code));
    return client;
  });
  await Promise.all(clients.map(({ ready }) => ready));
  const use = async (client: FoyerClient): Promise<void> => {
    const { "user.config": me } = await client.ready;
    for (let n = 1; !isOver; n++, calls += 2) {
      await client.call("user.update", { profile: { n } });
      const { profile } = (await client.call("user.fetch", { id: me.id })) as { profile: Frame[number] };
      if (profile.n !== n) throw new Error(`update ${n} was answered, and ${profile.n} is stored`);
    }
  };
  const working = Promise.all(clients.map(use));
  // A failure is told by `stop`.
  working.catch(() => {});
  return {
    /** Has all finish what they are at. @throws CommandError of the first command that failed */
    async stop() {
      isOver = true;
      await working;
      return { ends, calls };
    },
    leave() {
      isOver = true;
      for (const client of clients) client.close();
    },
  };
}

/** A plain request for exactly this path; `fetch` would tidy it up first. */
async function get(base: string, path: string) {
  const asked = request(base, { path });
  asked.end();
  const [response] = await once(asked, "response");
  let body = "";
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode as number, headers: response.headers, body };
}
