/** Postgres that is killed, replaced by its standby, or no longer to be reached, under a cluster that writes. */
import postgres from "postgres";
import t from "tap";
import { migrate } from "../../core/migrate.ts";
import { createLog } from "../../shared/log.ts";
import { startTestCluster, type TestNode } from "../../shared/testing/cluster.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { checkWriters, startWriters, type Writer } from "./numbered-writers.ts";
import { openAddress, ownPostgres } from "./own-postgres.ts";

const world = { world: { id: "w", title: "W" } };

/** By then all write again, from when Postgres is there. */
const RECOVERY_MS = 5_000;
/** The same where nobody says that a link leads nowhere: about 5 s, and what looking takes. */
const HALF_OPEN_MS = 7_500;
const WRITERS = 8;

const haveWritten = (writers: readonly Writer[], more: number) => {
  const goals = writers.map(({ acknowledged }) => acknowledged + more);
  return waitFor(
    "all to write",
    () => writers.every((writer, i) => writer.acknowledged >= goals[i]!),
    30_000,
  );
};

/** Waits until all have written since now. @returns how long that took, in ms */
async function recovery(writers: readonly Writer[]): Promise<number> {
  const began = performance.now();
  await waitFor("all to write again", () => writers.every((w) => w.acknowledgedAt > began), 30_000);
  return performance.now() - began;
}

const reasonsOf = async ({ ops }: TestNode): Promise<string[]> =>
  ((await (await fetch(`${ops}/readyz`)).json()) as { reasons?: string[] }).reasons ?? [];

const areAll = (nodes: readonly TestNode[], reason: string | undefined) =>
  waitFor(`workers to be ${reason ?? "ready"}`, async () => {
    const reasons = await Promise.all(nodes.map(reasonsOf));
    return reasons.every(([first]) => first === reason);
  });

t.test("a cluster that writes, and a Postgres that does not last", async (t) => {
  const servers = await ownPostgres(t);
  const first = await servers.start();
  await migrate(first.url, createLog("silent"));
  const address = await openAddress(t, first.url);
  const { workers, gateways } = await startTestCluster(t, {
    workers: 2,
    worlds: [world],
    // On a fast machine each writes more than a client may.
    environment: { DATABASE_URL: address.url, FOYER_LOG_LEVEL: "fatal", FOYER_RATE: "0" },
  });
  const { writers, stop } = await startWriters(t, gateways[0]!.world("w"), WRITERS);
  await haveWritten(writers, 5);

  await t.test("links that pass nothing any more, and nobody says so, are left", async (t) => {
    address.strand();
    const tookMs = await recovery(writers);
    t.ok(tookMs < HALF_OPEN_MS, `all wrote again after ${Math.round(tookMs)} ms`);
    await areAll(workers, undefined);
  });

  await t.test("it is killed and started again", async (t) => {
    await first.kill();
    await areAll(workers, "no Postgres");
    await first.restart();
    const tookMs = await recovery(writers);
    t.ok(tookMs < RECOVERY_MS, `all wrote again after ${Math.round(tookMs)} ms`);
    await areAll(workers, undefined);
  });

  const second = await servers.startStandby(first);
  await t.test("it is killed, and its standby promoted behind the same address", async (t) => {
    await haveWritten(writers, 5);
    await first.kill();
    // Until then it could only say that it is a standby.
    address.leadTo(second.url);
    await areAll(workers, "no Postgres");
    await second.run("select pg_promote()");
    const tookMs = await recovery(writers);
    t.ok(tookMs < RECOVERY_MS, `all wrote again after ${Math.round(tookMs)} ms`);
    await areAll(workers, undefined);
  });

  const third = await servers.startStandby(second);
  await t.test("it lets nobody write and keeps its links, and its standby is promoted", async (t) => {
    await haveWritten(writers, 5);
    await second.run("alter system set default_transaction_read_only = on");
    await second.run("select pg_reload_conf()");
    await areAll(workers, "Postgres lets nobody write");
    // What was under way when it was told so is with the standby by then.
    await waitFor("the standby to have all", async () => {
      const [row] = await second.run(
        "select replay_lsn = pg_current_wal_lsn() as has_all from pg_stat_replication",
      );
      return row?.has_all === true;
    });
    await third.run("select pg_promote()");
    address.leadTo(third.url);
    const tookMs = await recovery(writers);
    t.ok(tookMs < HALF_OPEN_MS, `all wrote again after ${Math.round(tookMs)} ms`);
    await areAll(workers, undefined);
  });

  await t.test("nothing answered was lost, nothing done twice or out of order", async (t) => {
    await stop();
    const sql = postgres(third.url, { max: 1 });
    await checkWriters(t, sql, writers);
    await sql.end();
  });
});
