/** Migrations while this version's worker serves: what the next version brings does not disturb it. */
import postgres from "postgres";
import t, { type Test } from "tap";
import { createLog } from "../../shared/log.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { listMigrations, type Migration, migrate } from "../migrate.ts";
import { startTestWorker } from "./worker.ts";

const log = createLog("silent");

/** Longest that a command may take while a migration wants a table: half a second's wait, and what the machine adds. */
const LONGEST_MS = 2_500;

/** What a next version may bring: a column, a table that refers to the old ones, an index, a check. */
const next: Migration = {
  number: 9_999,
  name: "9999-next-version",
  sql: `-- expand
    alter table users add column pronouns text not null default '';
    alter table users add constraint users_pronouns_short check (length(pronouns) < 50) not valid;
    create table badges (
      world_id text not null, user_id uuid not null, badge text not null,
      primary key (world_id, user_id, badge),
      foreign key (world_id, user_id) references users (world_id, id) on delete cascade
    );
    create index users_by_pronouns on users (world_id, pronouns);`,
};
const all = [...listMigrations(), next];

/** Writes, reads and logs in, over and over, until it is told to stop. */
function serve(t: Test, { wire, logIn }: Awaited<ReturnType<typeof startTestWorker>>, user: string) {
  let isOver = false;
  let rounds = 0;
  let longestMs = 0;
  const running = (async () => {
    for (let n = 1; !isOver; n++) {
      const began = performance.now();
      const update = await wire.ask({ user, frame: JSON.stringify(["user.update", n, { profile: { n } }]) });
      const fetched = await wire.ask({ user, frame: JSON.stringify(["user.fetch", n, { id: user }]) });
      const search = { search_term: "", page: 1 };
      const found = await wire.ask({ user, frame: JSON.stringify(["user.list.search", n, search]) });
      await logIn(`newcomer ${n}`);
      longestMs = Math.max(longestMs, (performance.now() - began) / 4);
      if ([update, fetched, found].some(({ json }) => json[0] !== "success")) t.fail("something was refused");
      t.equal(fetched.json[2].profile.n, n);
      rounds++;
    }
  })();
  return {
    rounds: () => rounds,
    async stop() {
      isOver = true;
      await running;
      return longestMs;
    },
  };
}

t.test("the next version's migration is applied under a worker that serves", async (t) => {
  const started = await startTestWorker(t);
  const { databaseUrl, sql, logIn } = started;
  const user = await logIn("somebody");
  const serving = serve(t, started, user);
  const more = async (rounds: number) => {
    const before = serving.rounds();
    await waitFor("it to serve", () => serving.rounds() >= before + rounds);
  };
  await more(3);

  await t.test("while somebody's long transaction has the table, it waits in small pieces", async (t) => {
    const other = postgres(databaseUrl, { max: 1 });
    await other`begin`;
    await other`select count(*) from users`;
    const migrating = migrate(databaseUrl, log, all);
    await waitFor("it to wait for the table", async () => {
      const waiting = await sql`
        select from pg_locks where not granted and mode = 'AccessExclusiveLock' and relation = 'users'::regclass`;
      return waiting.length > 0;
    });
    await more(3);
    const [column] = await sql`
      select from information_schema.columns where table_name = 'users' and column_name = 'pronouns'`;
    t.equal(column, undefined, "nothing of it is there, and all went on");
    await other`rollback`;
    await other.end();
    t.same(await migrating, [next.name]);
  });

  await t.test("and then this version does not mind what is there", async (t) => {
    await more(3);
    t.same(await migrate(databaseUrl, log, all), [], "twice is once");
    const longestMs = await serving.stop();
    t.ok(longestMs < LONGEST_MS, `the slowest commands took ${Math.round(longestMs)} ms`);
  });
});

t.test("a migration that expands takes nothing away that the running version uses", async (t) => {
  for (const { name, sql } of listMigrations()) {
    if (!sql.startsWith("-- expand")) continue;
    const statements = sql.replace(/--.*$/gm, "");
    t.notMatch(statements, /\b(drop\s+(table|column|view)|rename\s+(to|column)|truncate)\b/i, name);
  }
});
