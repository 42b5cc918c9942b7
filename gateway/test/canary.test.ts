/**
 * The canary notices subscriptions that are dead although their link looks well. Three gateways share a cluster and
 * the time that this takes: one whose link goes dumb, one whose new links do too, one that has nothing to complain of.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster, type TestGateway } from "../../shared/testing/cluster.ts";
import { scrape } from "../../shared/testing/metrics.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { startMuteProxy } from "./mute-proxy.ts";
import { openWorld } from "./worlds.ts";

/** docs/operations.md: past this age a gateway is not ready. */
const SILENT_AFTER_S = 15;
/** Past this a gateway makes a new link. */
const RECONNECT_AFTER_S = 5;
/** Everything is slow on a small machine that does much else. */
const DEADLINE_MS = 30_000;

t.test("subscriptions that die unnoticed", async (t) => {
  const lines: { event: string; node: string }[] = [];
  const cluster = await startTestCluster(t, {
    worlds: [openWorld],
    environment: { FOYER_LOG_LEVEL: "warn" },
    onLine: (line) => void lines.push(JSON.parse(line)),
  });
  const { hostname, port } = new URL(cluster.redisUrl);
  const startBehindProxy = async () => {
    const proxy = await startMuteProxy(t, { host: hostname, port: Number(port) });
    const gateway = await cluster.startGateway({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
    return { proxy, gateway };
  };
  const [dumb, stayingDumb, well] = await Promise.all([
    startBehindProxy(),
    startBehindProxy(),
    startBehindProxy(),
  ]);
  const readiness = async ({ ops }: TestGateway) => {
    const response = await fetch(`${ops}/readyz`);
    return { status: response.status, ...((await response.json()) as { reasons?: string[] }) };
  };
  const ageSeconds = async ({ ops }: TestGateway) =>
    (await scrape(ops)).value("foyer_gateway_canary_age_seconds");
  const newLinks = ({ id }: TestGateway) =>
    lines.filter(({ event, node }) => node === id && event.startsWith("no canary")).length;

  const payload = { client_id: randomUUID() };
  const logIn = async (gateway: TestGateway) => {
    const client = await connectClient(gateway.world("w"));
    await client.logIn(payload);
    return client;
  };
  const [writer, onDumb] = await Promise.all([logIn(cluster.gateways[0]!), logIn(dumb.gateway)]);
  const write = async (n: number) => t.ok((await writer.ask("user.update", { profile: { n } })).ok);
  await write(1);
  t.match(await onDumb.next(), ["user.updated", { profile: { n: 1 } }]);
  const mutedAt = performance.now();
  dumb.proxy.mute(false);
  stayingDumb.proxy.mute(true);
  /** The canaries of the gateway that is well, and why it ever was not ready. */
  const seen = { ages: [] as number[], reasons: new Set<string>() };
  const watch = (async () => {
    while (performance.now() - mutedAt < (SILENT_AFTER_S + 1) * 1_000) {
      seen.ages.push(await ageSeconds(well.gateway));
      for (const reason of (await readiness(well.gateway)).reasons ?? []) seen.reasons.add(reason);
      await pause(200);
    }
  })();

  t.test("a new link is made, what was missed arrives, and what follows too", async (t) => {
    await write(2);
    t.equal((await scrape(dumb.gateway.ops)).value("foyer_gateway_pubsub_connected"), 1, "it looks well");
    t.match(await onDumb.next(), ["user.updated", { profile: { n: 2 } }]);
    t.ok(performance.now() - mutedAt > (RECONNECT_AFTER_S - 2) * 1_000, "the dead link had not brought it");
    t.equal(newLinks(dumb.gateway), 1);
    await write(3);
    t.match(await onDumb.next(), ["user.updated", { profile: { n: 3 } }]);
    await waitFor("it to be heard", async () => (await ageSeconds(dumb.gateway)) < RECONNECT_AFTER_S);
    t.equal((await readiness(dumb.gateway)).status, 200, "it was back before anybody had to know");
  });

  t.test("where that does not help, readiness says why until it is heard again", async (t) => {
    const { proxy, gateway } = stayingDumb;
    await waitFor("it to say so", async () => (await readiness(gateway)).status === 503, DEADLINE_MS);
    t.strictSame((await readiness(gateway)).reasons, [
      "canary older than 15 s: publish/subscribe does not deliver, or no worker runs",
    ]);
    t.ok((await ageSeconds(gateway)) > SILENT_AFTER_S);
    t.ok(newLinks(gateway) >= 1, "it tries");
    proxy.unmute();
    await waitFor("it to be ready", async () => (await readiness(gateway)).status === 200, DEADLINE_MS);
  });

  t.test("where it is heard, it is never late, and nothing is made anew", async (t) => {
    await watch;
    t.ok(Math.max(...seen.ages) < RECONNECT_AFTER_S, `at most ${Math.max(...seen.ages)} s old`);
    // A machine that is busy may give others, such as a lease that was renewed too late.
    t.notMatch([...seen.reasons].join(), /canary/);
    t.equal(newLinks(well.gateway), 0);
    for (const client of [writer, onDumb]) client.end();
  });
});
