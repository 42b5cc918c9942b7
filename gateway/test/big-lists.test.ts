/** `user.list` of a world of 100,000 accounts, over real processes: nobody holds the answer, nobody else feels it. */
import { readFileSync } from "node:fs";
import postgres from "postgres";
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster, type TestNode } from "../../shared/testing/cluster.ts";
import { openWorld } from "./worlds.ts";

const ACCOUNTS = 100_000;
const WORLD = "w";
const crowded = {
  ...openWorld,
  roles: { attendee: ["world:view", "world:users.list"] },
  trait_grants: { attendee: [] },
};

/** Watches a node's resident memory. */
function watchMemory({ pid }: TestNode) {
  const read = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
  const before = read();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, read());
  }, 5);
  return {
    /** MB that it grew by at the most. */
    growth() {
      clearInterval(timer);
      return Math.max(most, read()) - before;
    },
  };
}

t.test("with 100,000 accounts in the world", async (t) => {
  const cluster = await startTestCluster(t, { worlds: [crowded] });
  const gateway = cluster.gateways[0]!;
  const worker = cluster.workers[0]!;
  const sql = postgres(cluster.databaseUrl, { max: 1 });
  t.teardown(() => sql.end());
  await sql`
    insert into users (world_id, token_id, profile)
    select ${WORLD}, 'uid ' || i, jsonb_build_object('display_name', 'Zoë 🎈 ' || i, 'fields',
      jsonb_build_object('about', repeat('So much to say. ', 10)))
    from generate_series(1, ${ACCOUNTS}::int) i`;
  const open = async (client: string) => {
    const opened = await connectClient(gateway.world(WORLD));
    return { ...opened, user: (await opened.logIn({ client_id: client }))["user.config"].id as string };
  };

  t.test("the list is complete, and neither node grows by 32 MB", async (t) => {
    const client = await open("lister");
    for (let i = 0; i < 50; i++) t.ok((await client.ask("user.list", { limit: 100 })).ok);
    const watches = [gateway, worker].map(watchMemory);
    const { ok, body } = await client.ask("user.list", {});
    const [ofGateway, ofWorker] = watches.map((watch) => watch.growth());
    t.comment(`gateway: ${ofGateway} MB, worker: ${ofWorker} MB`);
    t.ok(ok);
    t.equal(Object.keys(body).length, ACCOUNTS + 1);
    t.ok(Object.entries<{ id: string }>(body).every(([id, user]) => user.id === id));
    console.error(`RSS ${ofGateway} ${ofWorker}`);
    t.ok(ofGateway! < 32, `gateway: ${ofGateway} MB`);
    t.ok(ofWorker! < 32, `worker: ${ofWorker} MB`);
    client.end();
  });
});
