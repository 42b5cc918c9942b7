/**
 * Protocol, section 1: the rows of its error table that take a cluster in trouble, over two gateways and two workers.
 * Each gateway has to say the same.
 */
import { Redis } from "ioredis";
import postgres from "postgres";
import t from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { mainWorld, startConformance } from "./conformance.ts";

const MAX_QUEUE = 3;
const MAX_BACKLOG = 6;
const GATEWAYS = [0, 1];

t.test("protocol 1, errors of a cluster in trouble, over two gateways and two workers", async (t) => {
  const cluster = await startConformance(t, [mainWorld], {
    FOYER_MAX_QUEUE: String(MAX_QUEUE),
    FOYER_MAX_BACKLOG: String(MAX_BACKLOG),
    FOYER_COMMAND_TIMEOUT_MS: "4000",
    // What is logged about a bug is not for the output.
    FOYER_LOG_LEVEL: "silent",
  });
  const { connect, guest, workers } = cluster;
  const redis = new Redis(cluster.redisUrl);
  t.teardown(() => redis.disconnect());
  const keys = createKeys(cluster.redisPrefix);
  const backlog = async () => Number(await redis.get(keys.backlog(0)));
  const signal = (name: NodeJS.Signals) => {
    for (const worker of workers) worker.process.kill(name);
  };
  const isIdle = () => waitFor("all commands to be done with", async () => (await backlog()) === 0);

  t.test("protocol.rate_limited: with details.retry_after_ms, and the connection stays open", async (t) => {
    for (const gateway of GATEWAYS) {
      const client = await connect("main", gateway);
      // While the login is on its way, the others wait: as many as may, and one more.
      client.send(["authenticate", { client_id: `eager ${gateway}` }]);
      for (let n = 1; n <= MAX_QUEUE + 1; n++) client.send(["user.fetch", n, { ids: [] }]);
      t.equal((await client.next())[0], "authenticated");
      for (let n = 1; n <= MAX_QUEUE; n++) t.strictSame(await client.next(), ["success", n, {}]);
      const details = { retry_after_ms: 1000 };
      t.strictSame(await client.next(), ["error", 4, { code: "protocol.rate_limited", details }]);
      t.strictSame(await client.ask("user.fetch", { ids: [] }), { ok: true, body: {} });
      client.end();
    }
  });

  t.test("server.overloaded: nothing was done; and server.timeout: the outcome is unknown", async (t) => {
    const waiting = [];
    for (let n = 0; n < MAX_BACKLOG; n++) waiting.push(await guest("main", n % 2));
    const refused = [await guest("main", 0), await guest("main", 1)];
    await isIdle();
    signal("SIGSTOP");
    for (const [n, client] of waiting.entries()) {
      client.send(["user.update", n, { profile: { n } }]);
      await waitFor("the command to wait", async () => (await backlog()) === n + 1);
    }
    for (const client of refused) {
      client.send(["user.update", "full", { profile: { display_name: "Too much" } }]);
      t.strictSame(await client.next(), ["error", "full", { code: "server.overloaded" }]);
      t.strictSame(await client.quiet(), [], "it stays open");
    }
    for (const [n, client] of waiting.entries()) {
      t.strictSame(await client.next(), ["error", n, { code: "server.timeout" }]);
    }
    signal("SIGCONT");
    await isIdle();
    for (const client of refused) {
      t.strictSame((await client.ask("user.fetch", { id: client.id })).body.profile, {});
    }
    for (const [n, client] of waiting.entries()) {
      t.ok((await client.ask("user.update", { profile: { n } })).ok, "sent again it is answered");
      t.strictSame((await client.ask("user.fetch", { id: client.id })).body.profile, { n });
      t.strictSame(await client.quiet(), [], "and has had its effect once: nothing is pushed");
    }
    for (const client of [...waiting, ...refused]) client.end();
  });

  // Breaks this file's database, hence the last one.
  t.test("server.fatal: without an id, then closed with 1011", async (t) => {
    const clients = [await guest("main", 0), await guest("main", 1)];
    const sql = postgres(cluster.databaseUrl, { max: 1 });
    await sql`alter table users rename column profile to no_profile`;
    await sql.end();
    for (const client of clients) {
      client.send(["user.fetch", 1, { id: client.id }]);
      t.strictSame(await client.next(), ["error", { code: "server.fatal" }]);
      t.equal((await client.closed()).code, 1011);
      t.strictSame(client.heard, [], "and no word of what it was");
    }
  });
});
