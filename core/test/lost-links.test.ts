/** Links to Postgres that break at the worst moment: the driver asks on each new one for types, by itself. */
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import t, { type Test } from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";

const world = { world: { id: "w", title: "W" } };

/** So many links break before it is over. */
const BREAKS = 20;

/** Leads to Postgres; while it breaks links, none lives beyond the driver's question for types. */
async function startBreakingProxy(t: Test, target: { host: string; port: number }) {
  const links = new Set<Socket>();
  let breaks = false;
  let broken = 0;
  const server = createServer((near) => {
    const far = dial(target);
    links.add(near);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("error", () => from.destroy());
      from.on("close", () => to.destroy());
      from.on("data", (data) => {
        if (breaks && from === near && data.includes("pg_type")) {
          broken++;
          near.destroy();
        } else to.write(data);
      });
    }
    near.on("close", () => links.delete(near));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const link of links) link.destroy();
  };
  t.teardown(() => {
    cut();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    broken: () => broken,
    breakLinks() {
      breaks = true;
      cut();
    },
    heal() {
      breaks = false;
    },
  };
}

t.test("a worker outlives links to Postgres that break as they are made", async (t) => {
  const { databaseUrl, ...stores } = await createTestStores(t);
  const url = new URL(databaseUrl);
  const proxy = await startBreakingProxy(t, { host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  const lines: string[] = [];
  const cluster = await startTestCluster(t, {
    worlds: [world],
    environment: {
      DATABASE_URL: url.href,
      FOYER_REDIS_PREFIX: stores.redisPrefix,
      FOYER_LOG_LEVEL: "warn",
      FOYER_COMMAND_TIMEOUT_MS: "30000",
    },
    onLine: (line) => void lines.push(line),
  });
  const client = await connectClient(cluster.gateways[0]!.world("w"));
  await client.logIn({ client_id: "somebody" });

  proxy.breakLinks();
  const asked = client.ask("user.update", { profile: { n: 1 } });
  await waitFor("links to break", () => proxy.broken() >= BREAKS, 30_000);
  t.ok(
    lines.some((line) => line.includes("a link to Postgres broke as it was made")),
    "the worker says so",
  );
  const { exitCode, signalCode } = cluster.workers[0]!.process;
  t.equal(exitCode ?? signalCode, null, "and goes on");
  proxy.heal();
  t.ok((await asked).ok, "what waited for Postgres is done");
  client.end();
});
