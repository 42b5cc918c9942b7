import { connect as dial } from "node:net";
import t from "tap";
import { connectClient, UpgradeRefused } from "../../shared/testing/client.ts";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { openWorld } from "./worlds.ts";

t.test("limits of a connection", async (t) => {
  const cluster = await startTestCluster(t, {
    worlds: [openWorld],
    environment: {
      FOYER_RATE: "1",
      FOYER_RATE_BURST: "5",
      FOYER_MAX_QUEUE: "3",
    },
  });
  const gateway = cluster.gateways[0]!;

  t.test("too many commands are refused with the time to wait, and the connection stays open", async (t) => {
    const client = await connectClient(gateway.world("w"));
    await client.logIn({ client_id: "fast" });
    for (let i = 0; i < 4; i++) t.ok((await client.ask("user.fetch", { ids: [] })).ok);
    const { ok, body } = await client.ask("user.fetch", { ids: [] });
    t.notOk(ok);
    t.equal(body.code, "protocol.rate_limited");
    t.ok(body.details.retry_after_ms > 0 && body.details.retry_after_ms <= 1000);
    client.send(["ping", 1]);
    t.strictSame(await client.next(), ["pong", 1]);
    client.end();
  });

  t.test("more commands than may wait are refused, in their turn; of a flood, at once", async (t) => {
    const client = await connectClient(gateway.world("w"));
    // While the login is on its way, the others wait.
    client.send(["authenticate", { client_id: "eager" }]);
    for (let i = 1; i <= 40; i++) client.send(["user.fetch", i, { ids: [] }]);
    const refused = (id: number) => [
      "error",
      id,
      { code: "protocol.rate_limited", details: { retry_after_ms: 1000 } },
    ];
    // Three wait, 21 refusals with them: that is 8 times 3.
    for (let i = 25; i <= 40; i++) t.strictSame(await client.next(), refused(i));
    t.equal((await client.next())[0], "authenticated");
    for (let i = 1; i <= 3; i++) t.strictSame(await client.next(), ["success", i, {}]);
    for (let i = 4; i <= 24; i++) t.strictSame(await client.next(), refused(i));
    t.strictSame(await client.quiet(), []);
    client.end();
  });

  t.test("a connection that does not log in in time is closed with 1008", async (t) => {
    // One of its own: where all had so little time, a slow machine's logins would be late.
    const hasty = await cluster.startGateway({ FOYER_AUTH_TIMEOUT_MS: "300" });
    const silent = await connectClient(hasty.world("w"));
    t.equal((await silent.closed()).code, 1008);
    t.strictSame(silent.heard, []);
    const failing = await connectClient(hasty.world("w"));
    failing.send(["authenticate", {}]);
    t.equal((await failing.closed()).code, 1008);
  });
});

t.test("limits of a gateway", async (t) => {
  const cluster = await startTestCluster(t, {
    worlds: [openWorld],
    environment: {
      FOYER_MAX_CONNECTIONS: "3",
      FOYER_MAX_CONNECTIONS_PER_IP: "2",
      FOYER_TRUSTED_PROXIES: "127.0.0.0/8",
      FOYER_ORIGINS: "https://app.example",
    },
  });
  const gateway = cluster.gateways[0]!;
  const from = (address: string) => connectClient(gateway.world("w"), { "x-forwarded-for": address });
  const refusal = (attempt: Promise<unknown>) =>
    attempt.then(
      () => 101,
      (error: unknown) => (error instanceof UpgradeRefused ? error.status : error),
    );

  t.test("origins: the setting's and the world's own are let in, others get 403", async (t) => {
    for (const origin of ["https://app.example", "https://conf.example", "https://tickets.example"]) {
      const client = await connectClient(gateway.world("w"), { origin });
      client.end();
      await client.closed();
    }
    for (const origin of ["https://evil.example", "http://conf.example", "null"]) {
      t.equal(await refusal(connectClient(gateway.world("w"), { origin })), 403, origin);
    }
  });

  t.test("one address gets 429 beyond its limit, a full gateway 503, and is not ready", async (t) => {
    const first = await from("192.0.2.1");
    const second = await from("192.0.2.1");
    t.equal(await refusal(from("192.0.2.1")), 429);
    // A proxy that adds a line of its own leaves the client's above it.
    const lies = connectClient(gateway.world("w"), { "x-forwarded-for": ["198.51.100.7", "192.0.2.1"] });
    t.equal(await refusal(lies), 429);
    const third = await from("192.0.2.2");
    t.equal(await refusal(from("192.0.2.3")), 503);
    const ready = await fetch(`${gateway.http}/readyz`);
    t.equal(ready.status, 503);
    t.strictSame(await ready.json(), { ready: false, reasons: ["full"] });
    first.end();
    await waitFor("room", async () => (await fetch(`${gateway.http}/readyz`)).status === 200);
    const again = await from("192.0.2.1");
    for (const client of [second, third, again]) client.end();
  });
});

t.test("a client that reads too slowly is closed with 1013 and counted", async (t) => {
  const cluster = await startTestCluster(t, {
    worlds: [openWorld],
    environment: { FOYER_MAX_SEND_BUFFER_BYTES: "200000" },
  });
  const gateway = cluster.gateways[0]!;
  const { port } = new URL(gateway.http);
  const socket = dial(Number(port), "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.write(
    "GET /ws/world/w HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  // Pings of 60 KB whose pongs nobody reads.
  const payload = Buffer.from(`["ping","${"x".repeat(60_000)}"]`);
  const header = Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  const closed = async () => {
    const text = await (await fetch(`${gateway.ops}/metrics`)).text();
    return /^foyer_gateway_slow_consumers_total 1$/m.test(text);
  };
  await waitFor("the slow reader to be counted", async () => {
    for (let i = 0; i < 20 && !socket.destroyed; i++) socket.write(Buffer.concat([header, payload]));
    return await closed();
  });
  let tail = Buffer.alloc(0);
  socket.on("data", (data: Buffer) => {
    tail = Buffer.concat([tail, data]).subarray(-200);
  });
  const ended = new Promise((resolve) => socket.once("close", resolve));
  socket.resume();
  await ended;
  t.ok(tail.includes(Buffer.from([0x03, 0xf5])), "the last frame says 1013");
});
