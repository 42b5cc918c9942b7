/**
 * Every alert, fired on purpose: a real cluster is broken under a real Prometheus with the rules as they are, but for
 * their times, which are as short as a scrape a second allows.
 */
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import postgres from "postgres";
import t from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster, type TestGateway, type TestNode } from "../../shared/testing/cluster.ts";
import { scrape } from "../../shared/testing/metrics.ts";
import { startTcpProxy } from "../../shared/testing/tcp-proxy.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { canRun } from "../local/fetch-redis.ts";
import { alerts } from "../prometheus/alerts.ts";
import { ruleFile } from "../prometheus/rule-files.ts";
import { startPrometheus } from "./prometheus.ts";

const world = {
  world: { id: "w", title: "W" },
  roles: { attendee: ["world:view", "world:users.manage"] },
  trait_grants: { attendee: [] },
};

/** Of one gateway; 80 % of it are open at once. */
const MAX_CONNECTIONS = 80;
const CROWD = 66;
/** Commands stand for longer than the 10 s after which somebody is called. */
const COMMAND_TIMEOUT_MS = 18_000;
const FIRES_MS = 60_000;
/** What a client sends and does not read the answer to. */
const PING = ["ping", "x".repeat(60_000)];

/** The rules, looking back ten seconds instead of minutes, and waiting for one. */
function impatient(rules: string): string {
  return rules
    .replace(/\[\d+m\]/g, "[10s]")
    .replace(/for: \d+[ms]/g, "for: 1s")
    .replace("process_start_time_seconds > 60", "process_start_time_seconds > 5");
}

const skip = (await canRun("prometheus")) ? false : "Prometheus is not installed (package prometheus)";

t.test("every alert fires when the cluster is broken the way it is about", { skip }, async (t) => {
  const cluster = await startTestCluster(t, {
    worlds: [world],
    workers: 2,
    environment: {
      FOYER_LOG_LEVEL: "fatal",
      FOYER_MAX_CONNECTIONS: String(MAX_CONNECTIONS),
      FOYER_MAX_SEND_BUFFER_BYTES: "100000",
      FOYER_COMMAND_TIMEOUT_MS: String(COMMAND_TIMEOUT_MS),
    },
  });
  const { hostname, port } = new URL(cluster.redisUrl);
  const redisLink = await startTcpProxy(t, { host: hostname, port: Number(port) });
  const [main] = cluster.gateways;
  const [cutOff, leaving] = await Promise.all([
    cluster.startGateway({ REDIS_URL: `redis://127.0.0.1:${redisLink.port}` }),
    cluster.startGateway({ FOYER_DRAIN_SECONDS: "300" }),
  ]);
  const [worker] = cluster.workers;
  const nodes = [main!, cutOff, leaving, ...cluster.workers];
  const { query } = await startPrometheus(t, nodes, impatient(ruleFile()));
  const url = main!.world("w");
  const fired = new Set<string>();
  const firing = async () => {
    const found = await query('ALERTS{alertstate="firing"}');
    for (const { metric } of found) fired.add(metric.alertname!);
    return found.map(({ metric }) => metric.alertname!);
  };
  /** Waits for these; what comes with them is noted as well. */
  const fires = (...names: string[]) =>
    waitFor(
      `${names.join(", ")} to fire`,
      async () => {
        await firing();
        return names.every((name) => fired.has(name));
      },
      FIRES_MS,
    );
  await waitFor("nothing to fire while all is well", async () => (await firing()).length === 0, FIRES_MS);
  fired.clear();

  t.test("links, logins, readers, entries, event loops", async () => {
    const patient = await connectClient(leaving.world("w"));
    const stranded = await connectClient(cutOff.world("w"));
    await stranded.logIn({ client_id: randomUUID() });
    leaving.process.kill("SIGTERM");
    redisLink.cut();
    const asking = setInterval(() => stranded.send(["user.fetch", 1, { ids: [] }]), 1_000);
    const stutter = stutterOf(worker!);
    await failLogins(url, 12);
    await readNothing(main!, 12);
    await writeGarbage(cluster);
    await fires(
      "FoyerDrainNotFinished",
      "FoyerSubscriptionLost",
      "FoyerCanarySilent",
      "FoyerFailedLogins",
      "FoyerSlowConsumers",
      "FoyerDeadLetter",
      "FoyerEventLoopDelayed",
      "FoyerErrors",
    );
    clearInterval(asking);
    stranded.end();
    stutter.end();
    redisLink.heal();
    // The second signal hurries it.
    leaving.process.kill("SIGTERM");
    await patient.closed();
  });

  t.test("a lock that nobody gives back, and a crowd that waits for it", async (t) => {
    const sql = postgres(cluster.databaseUrl, { max: 1 });
    t.teardown(() => sql.end());
    const login = { client_id: randomUUID() };
    const crowd = await Promise.all(Array.from({ length: CROWD }, () => connectClient(url)));
    const users = await Promise.all(crowd.map((client) => client.logIn(login)));
    const { id } = users[0]!["user.config"];
    // A series that begins with a jump has not risen, to Prometheus.
    await crowd[0]!.ask("user.update", { profile: {} });
    await sql.begin(async (tx) => {
      await tx`select 1 from users where id = ${id} for update`;
      for (const client of crowd) client.send(["user.update", 1, { profile: { display_name: "Waiting" } }]);
      await fires("FoyerGatewayNearlyFull", "FoyerDatabasePoolWaiting", "FoyerCommandsStuck");
    });
    await fires("FoyerCommandsSlow");
    for (const client of crowd) client.end();
    await fires("FoyerDisconnects");
  });

  t.test("a ban that a stopped gateway does not confirm", async () => {
    const [moderator, troll] = await Promise.all([connectClient(url), connectClient(url)]);
    await moderator.logIn({ client_id: randomUUID() });
    const { "user.config": user } = await troll.logIn({ client_id: randomUUID() });
    cutOff.process.kill("SIGSTOP");
    await moderator.ask("user.ban", { id: user.id });
    cutOff.process.kill("SIGCONT");
    await fires("FoyerBansSlow");
    moderator.end();
  });

  t.test("no worker", async () => {
    for (const each of cluster.workers) await each.kill();
    await fires("FoyerNoWorker");
  });

  t.strictSame([...fired].sort(), alerts.map(({ name }) => name).sort(), "that is all of them");
});

/** Holds a node up for moments, again and again. */
function stutterOf({ process: child }: TestNode) {
  const timer = setInterval(() => {
    child.kill("SIGSTOP");
    setTimeout(() => child.kill("SIGCONT"), 250);
  }, 600);
  return {
    end() {
      clearInterval(timer);
      child.kill("SIGCONT");
    },
  };
}

async function failLogins(url: string, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const client = await connectClient(url);
      await client.ask("authenticate", { token: "nonsense" });
      client.end();
    }),
  );
}

/** Clients that ask for much and read nothing, until they are closed for it. */
async function readNothing(gateway: TestGateway, count: number): Promise<void> {
  const closed = async () => (await scrape(gateway.ops)).value("foyer_gateway_slow_consumers_total");
  for (let i = 1; i <= count; i++) {
    const client = await connectClient(gateway.world("w"));
    client.socket.pause();
    await waitFor("a slow reader to be noticed", async () => {
      for (let sent = 0; sent < 20; sent++) client.send(PING);
      return (await closed()) >= i;
    });
    client.end();
  }
}

/** Something that no worker can read. */
async function writeGarbage(cluster: { redisUrl: string; redisPrefix: string }): Promise<void> {
  const redis = new Redis(cluster.redisUrl);
  await redis.xadd(createKeys(cluster.redisPrefix).commandStream(0), "*", "e", "garbage");
  redis.disconnect();
}
