/** Migrations: what applying them does, and that `schema.sql` shows what they come to. */
import { readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { createLog } from "../../shared/log.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { listMigrations, migrate, missingMigrations } from "../migrate.ts";
import { dumpSchema } from "../schema-dump.ts";
import { connectDatabase } from "../sql/database.ts";

const log = createLog("silent");
const all = listMigrations().map((migration) => migration.name);

/** A database with nothing in it, not even the template's tables. */
async function openEmptyDatabase(t: Test) {
  const { databaseUrl } = await createTestStores(t);
  const sql = connectDatabase(databaseUrl, { max: 2, log });
  t.teardown(() => sql.end());
  await sql`drop schema public cascade`;
  await sql`create schema public`;
  const applied = async () => {
    const rows = await sql<{ name: string }[]>`select name from migrations order by number`;
    return rows.map((row) => row.name);
  };
  return { sql, databaseUrl, applied };
}

t.test("two that migrate at once apply each migration once, and both succeed", async (t) => {
  const { sql, databaseUrl, applied } = await openEmptyDatabase(t);
  const both = await Promise.all([migrate(databaseUrl, log), migrate(databaseUrl, log)]);
  t.same(both.flat(), all, "one applied all, in order, the other none");
  t.same(await applied(), all);
  t.same(await missingMigrations(sql), []);
});

t.test("migrating again changes nothing", async (t) => {
  const { sql, databaseUrl } = await openEmptyDatabase(t);
  await migrate(databaseUrl, log);
  const before = [await dumpSchema(sql), await sql`select * from migrations`];
  t.same(await migrate(databaseUrl, log), []);
  t.same([await dumpSchema(sql), await sql`select * from migrations`], before);
});

t.test("a migration that fails leaves nothing of itself, and those before it stay", async (t) => {
  const { sql, databaseUrl, applied } = await openEmptyDatabase(t);
  // In the way of the second migration.
  await sql`create table world_grants (mine text)`;
  await t.rejects(migrate(databaseUrl, log), { code: "42P07" });
  t.same(await applied(), all.slice(0, 1));
  const [users] = await sql`select to_regclass('users') as name`;
  t.equal(users?.name, null, "made before the failure, by the same migration");
  await sql`drop table world_grants`;
  t.same(await migrate(databaseUrl, log), all.slice(1));
});

t.test("schema.sql is what the migrations come to", async (t) => {
  const { sql, databaseUrl } = await openEmptyDatabase(t);
  await migrate(databaseUrl, log);
  const shown = readFileSync(new URL("../schema.sql", import.meta.url), "utf8");
  t.equal(await dumpSchema(sql), shown, "made anew by: npx tsx core/schema-dump.ts > core/schema.sql");
});

t.test("schema.sql makes the same schema when it is run", async (t) => {
  const { sql } = await openEmptyDatabase(t);
  const shown = readFileSync(new URL("../schema.sql", import.meta.url), "utf8");
  await sql.unsafe(shown);
  t.equal(await dumpSchema(sql), shown);
});

t.test("each migration says in its first line whether the running version can live with it", async (t) => {
  for (const { name, sql } of listMigrations()) t.match(sql.split("\n")[0], /^-- (expand|contract)$/, name);
});

t.test("migrations are numbered from 1 without gaps", async (t) => {
  t.same(
    listMigrations().map((migration) => migration.number),
    all.map((_, i) => i + 1),
  );
});
