/** Every metric of a worker moves by what was done to it. The last test knows whether one was forgotten. */
import { randomUUID } from "node:crypto";
import { Registry } from "prom-client";
import t from "tap";
import { createLog } from "../../shared/log.ts";
import { connectRedis, untilReady } from "../../shared/redis/connect.ts";
import { createKeys } from "../../shared/redis/keys.ts";
import { scrape } from "../../shared/testing/metrics.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { createCoreMetrics } from "../metrics.ts";
import { connectDatabase } from "../sql/database.ts";
import { watchQueries } from "../sql/watch-queries.ts";
import { observeStreams } from "../watch-streams.ts";
import { startTestWorker } from "./worker.ts";

/** Connections of a worker's pool. */
const POOL_SIZE = 16;

type Labels = Readonly<Record<string, string>>;

t.test("metrics of a worker", async (t) => {
  const { wire, worker, sql, logIn, logInWithToken, start } = await startTestWorker(t);
  const ops = `http://127.0.0.1:${worker.opsPort}`;
  const tested = new Set<string>();
  const value = async (name: string, labels?: Labels, from = ops) => {
    tested.add(name.replace(/_(count|sum)$/, ""));
    return (await scrape(from)).value(`foyer_core_${name}`, labels);
  };
  const becomes = (expected: number, name: string) =>
    waitFor(`${name} to be ${expected}`, async () => (await value(name)) === expected);
  /** How much each rises while something is done. */
  const rises = async (names: [name: string, labels?: Labels][], work: () => Promise<unknown>) => {
    const before = await Promise.all(names.map(([name, labels]) => value(name, labels)));
    await work();
    const after = await Promise.all(names.map(([name, labels]) => value(name, labels)));
    return after.map((each, i) => each - before[i]!);
  };
  const user = await logIn("somebody");
  const fetchNobody = '["user.fetch",1,{"ids":[]}]';

  t.test("commands by outcome, the time that they took, batches and their wait", async (t) => {
    const fetched = await rises(
      [
        ["commands_total", { command: "user.fetch", outcome: "success" }],
        ["commands_total", { command: "user.fetch", outcome: "user.not_found" }],
        ["commands_total", { command: "authenticate", outcome: "auth.invalid_token" }],
        ["command_duration_seconds_count", { command: "user.fetch" }],
        ["batch_size_count"],
        ["batch_size_sum"],
        ["queue_wait_seconds_count"],
      ],
      async () => {
        const { replies } = await wire.send([
          { user, frame: fetchNobody },
          { user, frame: fetchNobody },
          { user, frame: JSON.stringify(["user.fetch", 1, { id: randomUUID() }]) },
        ]);
        await replies;
        await wire.ask({ frame: '["authenticate",{"token":"no"}]' });
      },
    );
    t.strictSame(fetched, [2, 1, 1, 3, 2, 4, 2]);
  });

  t.test("a command that comes a second time, and an entry that nobody can read", async (t) => {
    const update = { n: 900_001, user, frame: '["user.update",1,{"profile":{"display_name":"Ada"}}]' };
    await wire.ask(update);
    t.strictSame(await rises([["duplicates_suppressed_total"]], () => wire.ask(update)), [1]);
    const dead = await value("dead_letters_total");
    const unreadable = await value("unreadable_total", { kind: "command" });
    await wire.redis.xadd(wire.keys.commandStream(0), "*", "e", "garbage");
    await becomes(dead + 1, "dead_letters_total");
    t.equal(await value("unreadable_total", { kind: "command" }), unreadable + 1);
  });

  t.test("a ban is timed until every gateway has confirmed it", async (t) => {
    const moderator = await logInWithToken("moderator", ["moderator"]);
    const troll = await logIn("troll");
    const bans = await rises([["ban_enforcement_seconds_count"]], () =>
      wire.ask({ user: moderator, frame: JSON.stringify(["user.ban", 1, { id: troll }]) }),
    );
    t.strictSame(bans, [1]);
  });

  t.test("what waits: in the streams, in hand, for a connection; and who takes it over", async (t) => {
    await becomes(1, "leader");
    const second = await start();
    t.teardown(() => second.stop());
    await sql.begin(async (tx) => {
      await tx`select 1 from users where id = ${user} for update`;
      const waiting = POOL_SIZE + 3;
      const frame = '["user.update",1,{"profile":{"display_name":"Zoe"}}]';
      const { replies } = await wire.send(Array.from({ length: waiting }, () => ({ user, frame })));
      await waitFor("statements to wait for a connection", async () => {
        const both = [ops, `http://127.0.0.1:${second.opsPort}`];
        const counts = await Promise.all(both.map((each) => value("db_pool_waiting", {}, each)));
        // Looking whether Postgres is there waits as well.
        return Math.max(...counts) >= 3;
      });
      await becomes(1, "stream_length");
      await becomes(1, "pending_entries");
      t.ok((await value("oldest_pending_seconds")) > 0);
      await tx`select 1`;
      return { replies };
    });
    await becomes(0, "pending_entries");
    t.equal(await value("oldest_pending_seconds"), 0);
    await becomes(0, "db_pool_waiting");
    // Read by a worker that has died since.
    const claimed = async () =>
      (await value("claimed_total")) +
      (await value("claimed_total", {}, `http://127.0.0.1:${second.opsPort}`));
    const before = await claimed();
    await wire.redis.xgroup("CREATECONSUMER", wire.keys.commandStream(0), "core", "dead");
    await wire.redis.call("MULTI");
    await wire.redis.xadd(wire.keys.commandStream(0), "*", "e", "left behind");
    await wire.redis.xreadgroup(
      "GROUP",
      "core",
      "dead",
      "COUNT",
      1,
      "STREAMS",
      wire.keys.commandStream(0),
      ">",
    );
    await wire.redis.call("EXEC");
    await waitFor("it to be taken over", async () => (await claimed()) === before + 1);
  });

  t.test("what is worth an alert is there at 0 before it happens, else it would not rise", async (t) => {
    const worker = await start();
    t.teardown(() => worker.stop());
    const fresh = await scrape(`http://127.0.0.1:${worker.opsPort}`);
    const begins = (name: string, labels: Labels = {}) => {
      t.equal(fresh.count(`foyer_core_${name}`, labels), 1, `${name} ${JSON.stringify(labels)}`);
      t.equal(fresh.value(`foyer_core_${name}`, labels), 0);
    };
    for (const command of ["user.ban", "authenticate", "gateway.cut_off", "operator.ban", "unknown"]) {
      for (const outcome of ["success", "server.timeout", "server.fatal"]) {
        begins("commands_total", { command, outcome });
      }
    }
    for (const name of ["dead_letters_total", "claimed_total", "expired_total", "left_total"]) begins(name);
    for (const name of ["count", "sum"]) begins(`ban_enforcement_seconds_${name}`);
    begins("ban_enforcement_seconds_bucket", { le: "1" });
    begins("unreadable_total", { kind: "command" });
  });

  t.test("no metric was forgotten", async (t) => {
    await value("db_query_duration_seconds_count");
    t.equal(await value("expired_total"), 0);
    // `newer-entries.test.ts` moves it.
    t.equal(await value("left_total"), 0);
    const names = (await scrape(ops)).names.filter((name) => name.startsWith("foyer_core_"));
    t.strictSame(names.map((name) => name.replace("foyer_core_", "")).sort(), [...tested].sort());
  });
});

t.test("a command whose time is over is not run, is answered so, and counted", async (t) => {
  const { worker, wire, start, logIn, sql } = await startTestWorker(t, { FOYER_COMMAND_TIMEOUT_MS: "300" });
  const user = await logIn("late");
  await worker.stop();
  const { id, replies } = await wire.send([
    { user, frame: '["user.update",1,{"profile":{"display_name":"Late"}}]' },
  ]);
  const addedAt = Number(id.split("-")[0]);
  await waitFor("its time to be over", async () => {
    const [seconds, microseconds] = await wire.redis.time();
    return Number(seconds) * 1_000 + Number(microseconds) / 1_000 > addedAt + 300;
  });
  const next = await start();
  t.teardown(() => next.stop());
  t.strictSame((await replies)[0]!.frame, '["error",1,{"code":"server.timeout"}]');
  t.equal((await scrape(`http://127.0.0.1:${next.opsPort}`)).value("foyer_core_expired_total"), 1);
  t.same((await sql`select profile from users where id = ${user}`)[0], { profile: {} });
});

t.test("a command that nobody reads has an age, too", async (t) => {
  const { redisUrl, redisPrefix } = await createTestStores(t);
  const keys = createKeys(redisPrefix);
  const redis = connectRedis(redisUrl, "commands", createLog("silent"));
  t.teardown(() => redis.disconnect());
  const metrics = createCoreMetrics(new Registry());
  const stop = new AbortController();
  await untilReady(redis, stop.signal);
  await redis.xgroup("CREATE", keys.commandStream(0), "core", "$", "MKSTREAM");
  const [seconds] = await redis.time();
  await redis.xadd(keys.commandStream(0), `${(Number(seconds) - 30) * 1_000}-0`, "e", "unread");
  const watching = observeStreams({ redis, keys, streams: 1, metrics, signal: stop.signal });
  const oldest = async () => (await metrics.oldestPending.get()).values[0]!.value;
  await waitFor("its age to show", async () => (await oldest()) > 29);
  t.ok((await oldest()) < 60);
  t.equal((await metrics.pendingEntries.get()).values[0]!.value, 0);
  stop.abort();
  await watching;
});

t.test("every statement is timed once, in a transaction or not, whether it succeeds or fails", async (t) => {
  const { databaseUrl } = await startTestWorker(t);
  const sql = connectDatabase(databaseUrl, { max: 1, log: createLog("silent") });
  t.teardown(() => sql.end());
  const times: number[] = [];
  let mine = false;
  const queries = watchQueries(sql, (seconds) => {
    if (mine) times.push(seconds);
  });
  mine = true;
  const slow = sql`select pg_sleep(0.05)`.execute();
  const behind = sql`select 1`.execute();
  t.ok(queries.waiting() >= 1);
  await Promise.all([slow, behind]);
  await sql.begin((tx) => tx`select 2`);
  await t.rejects(sql`select no_such_column`);
  mine = false;
  // Those, and the begin and commit of the transaction; a worker in this process may ask something meanwhile.
  t.ok(times.length >= 6, `${times.length} statements`);
  t.ok(Math.max(...times) >= 0.05);
});
