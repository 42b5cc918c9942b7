/** What `foyer migrate --plan` says of each migration, against what Postgres does when it is applied. */
import t from "tap";
import { createLog } from "../../shared/log.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { kindOf, listMigrations, migrate, missingMigrations } from "../migrate.ts";
import { lockModes, locksOf } from "../migration-locks.ts";
import { connectDatabase } from "../sql/database.ts";

const log = createLog("silent");

t.test("each migration locks exactly the tables that the plan names, as strongly as it says", async (t) => {
  const { databaseUrl } = await createTestStores(t);
  const sql = connectDatabase(databaseUrl, { max: 1, log });
  t.teardown(() => sql.end());
  await sql`drop schema public cascade`;
  await sql`create schema public`;
  t.same(await missingMigrations(sql), listMigrations(), "of an empty database all are missing");
  const [made] = await sql`select to_regclass('migrations') as name`;
  t.equal(made?.name, null, "and asking that makes nothing");
  for (const { name, sql: text } of listMigrations()) {
    const tables = sql`select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`;
    const before = new Set((await tables).map(({ oid }) => oid));
    const taken = await sql.begin(async (tx) => {
      await tx.unsafe(text);
      return await tx`
        select relation, relation::regclass::text as table, mode from pg_locks
        where pid = pg_backend_pid() and locktype = 'relation'`;
    });
    const strongest = new Map<string, number>();
    for (const { relation, table, mode } of taken) {
      const rank = ranks.indexOf(spell(mode));
      if (before.has(relation) && rank >= 0) strongest.set(table, Math.max(rank, strongest.get(table) ?? 0));
    }
    const really = [...strongest].map(([table, rank]) => ({ table, mode: ranks[rank] }));
    t.same(locksOf(text), { locks: really.sort((a, b) => (a.table < b.table ? -1 : 1)), unknown: [] }, name);
  }
});

t.test("a plan is what is applied then", async (t) => {
  const { databaseUrl } = await createTestStores(t);
  const sql = connectDatabase(databaseUrl, { max: 1, log });
  t.teardown(() => sql.end());
  const next = {
    number: 9_999,
    name: "9999-next",
    sql: "-- contract\nalter table invites drop column created_at;",
  };
  const all = [...listMigrations(), next];
  const planned = await missingMigrations(sql, all);
  t.strictSame(planned, [next]);
  t.equal(kindOf(next), "contract");
  t.strictSame(await migrate(databaseUrl, log, all), [next.name]);
});

t.test("what a next version may write is read as well, and what nobody knows is said", async (t) => {
  const text = `-- expand
    -- alter table rooms add column commented text;
    alter table users add constraint short check (note <> 'drop table worlds;') not valid;
    alter table users validate constraint short;
    create table badges (id text, user_id uuid references users (id), room uuid references rooms (id));
    create index badges_user on badges (user_id);
    create unique index if not exists users_note on users (note);
    drop trigger if exists old on audit_log;
    create function f() returns text language sql as $body$ drop table invites; $body$;
    update worlds set version = version + 1;
    vacuum full blocks;`;
  t.strictSame(locksOf(text), {
    locks: [
      { table: "audit_log", mode: "access exclusive" },
      { table: "rooms", mode: "share row exclusive" },
      { table: "users", mode: "access exclusive" },
    ],
    unknown: ["vacuum full blocks"],
  });
});

const ranks = Object.keys(lockModes);

/** `AccessExclusiveLock` → `access exclusive`. */
function spell(mode: string): string {
  return mode
    .replace(/Lock$/, "")
    .replace(/(?<=[a-z])[A-Z]/g, " $&")
    .toLowerCase();
}
