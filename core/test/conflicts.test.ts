/** Transactions that lose against others, for real: every one of them is tried again, and nobody hears of it. */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import t from "tap";
import { createLog } from "../../shared/log.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { CommandContext, type Services } from "../commands/context.ts";
import { createLoaders } from "../loaders.ts";
import { connectAccount } from "../social-connect.ts";
import { pruneCommands } from "../sql/command-log.ts";
import { connectDatabase, isConflict, retryConflicts, type Sql } from "../sql/database.ts";
import { createWorldCache } from "../world-cache.ts";
import { importWorld } from "../world-file.ts";
import { startTestWorker, testWorld } from "./worker.ts";

const frame = (...parts: unknown[]) => JSON.stringify(parts);

t.test("a login that is in a deadlock with somebody else's transaction succeeds", async (t) => {
  const { databaseUrl, wire, sql } = await startTestWorker(t);
  const other = postgres(databaseUrl, { max: 1 });
  t.teardown(() => other.end());
  const insert = (client: string) => other`insert into users (world_id, client_id) values ('w', ${client})`;
  // Who looks for deadlocks is ended where there is one: only the worker is to, however slowly this goes on.
  await other`set deadlock_timeout = '5min'`;
  await other`begin`;
  await insert("b");
  // The worker inserts both in one statement, "a" first, and waits for "b"; then the other one waits for "a".
  const commands = ["a", "b"].map((id) => ({ frame: frame("authenticate", { client_id: id }) }));
  const { replies } = await wire.send(commands);
  await waitFor("the worker to wait for the other transaction", async () => {
    const waiting = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return waiting.length > 0;
  });
  await insert("a");
  t.pass("the other one got through, so the worker's was the one to be ended");
  await other`rollback`;
  for (const { effect } of await replies) t.equal(effect?.kind, "login");
  const [made] = await sql`select count(*)::int as count from users where client_id in ('a', 'b')`;
  t.equal(made!.count, 2);
});

t.test("where the database is set to let the first of two win, the second is tried again", async (t) => {
  const { databaseUrl, wire, sql, settings, logIn, logInWithToken } = await startTestWorker(t);
  const name = new URL(databaseUrl).pathname.slice(1);
  const user = await logIn("somebody");
  const moderators = await Promise.all(["m1", "m2", "m3"].map((uid) => logInWithToken(uid, ["admin"])));
  await sql.unsafe(`alter database ${name} set default_transaction_isolation = 'serializable'`);
  // Connections that are made from now on obey; those that stand are cut, which nobody hears of either.
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`;
  const lost = async () => {
    const rows = await sql`
      select pg_stat_clear_snapshot(), xact_rollback::int as lost from pg_stat_database where datname = ${name}`;
    return rows[0]!.lost as number;
  };
  const lostBefore = await lost();

  await t.test("commands of users, moderators and the operator, and logins", async (t) => {
    const kiosk = randomUUID();
    const rounds = Array.from({ length: 4 }, (_, round) => [
      { user, frame: frame("user.update", 1, { profile: { round } }) },
      { user, frame: frame("user.update", 2, { client_state: { round } }) },
      ...moderators.flatMap((actor) => [
        { user: actor, frame: frame("user.admin.update", 3, { id: user, profile: { by: actor, round } }) },
        { user: actor, frame: frame("user.silence", 4, { id: user }) },
        { user: actor, frame: frame("user.reactivate", 5, { id: user }) },
        { user: actor, frame: frame("user.kiosk.create", 6, { id: kiosk }) },
        { user: actor, frame: frame("user.block", 7, { id: user }) },
        { user: actor, frame: frame("user.unblock", 8, { id: user }) },
      ]),
      {
        connection: 0,
        frame: frame("operator.grant", 9, { target: { id: moderators[0] }, role: "moderator", room: null }),
      },
    ]).flat();
    const { replies } = await wire.send(rounds);
    for (const reply of await replies) {
      const text = String(reply.frame);
      // One that was silenced at the moment may do nothing: that is an answer too.
      t.ok(text.startsWith('["success"') || text.includes("auth.denied"), text);
    }
    const { replies: logins } = await wire.send(
      ["somebody", "new 1", "new 2", "somebody"].map((id) => ({
        frame: frame("authenticate", { client_id: id }),
      })),
    );
    for (const { effect } of await logins) t.equal(effect?.kind, "login");
  });

  await t.test("imports, connected social accounts, and forgetting old commands", async (t) => {
    const pool = connectDatabase(databaseUrl, { max: 8, log: createLog("silent") });
    t.teardown(() => pool.end());
    await Promise.all([1, 2, 3].map(() => importWorld(pool, null, testWorld)));
    const connect = await socialConnections(pool, { settings } as unknown as Services, user);
    const connected = await Promise.all([1, 2, 3].map((n) => connect(n)));
    t.ok(
      connected.every((account) => account !== null),
      "each got through",
    );
    // In whichever order they came: one that comes after a later one changes nothing.
    const [kept] = await sql`select external_id from social_accounts where user_id = ${user}`;
    t.equal(kept!.external_id, "external 3", "the last of them stands");
    await Promise.all([1, 2, 3].map(() => retryConflicts(() => pruneCommands(pool, "9", 10))));
  });

  await waitFor("what lost to be counted", async () => (await lost()) > lostBefore);
});

t.test("what loses for ever is not tried for ever", async (t) => {
  let tries = 0;
  const conflict = Object.assign(new Error("deadlock"), { code: "40P01" });
  t.ok(isConflict(conflict));
  await t.rejects(
    retryConflicts(() => {
      tries++;
      return Promise.reject(conflict);
    }),
    conflict,
  );
  t.equal(tries, 9);
});

/** Connects one account again and again, as a command of its own each time. */
async function socialConnections(sql: Sql, others: Services, user: string) {
  const services = { ...others, sql };
  const world = (await createWorldCache(sql).get("w"))!;
  return (n: number) => {
    const origin = {
      gateway: "g",
      reads: 1,
      connection: 1,
      n,
      loginVersion: null,
      entryId: `${Date.now()}-${n}`,
      place: 0,
    };
    const context = new CommandContext(services, createLoaders(sql), world, origin);
    const link = { world: "w", user, network: "twitter" as const, returnUrl: "https://conf.example/" };
    const external = { id: `external ${n}`, name: null, url: null };
    return connectAccount(context, link, external, "https://conf.example/#status=success");
  };
}
