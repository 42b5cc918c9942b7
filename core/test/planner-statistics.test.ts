/** A conference that opens on an empty database: plans that were made then would go through all that came since. */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import t from "tap";
import { createLog } from "../../shared/log.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { PlannerStatistics } from "../planner-statistics.ts";
import { positionAt } from "../position.ts";
import { writeNewLogins } from "../sql/logins.ts";
import { selectOutgrownTables } from "../sql/statistics.ts";
import { selectUsers, touchLogins } from "../sql/users.ts";

const WORLD = "w";
const POSITION = positionAt(Date.now());

function newcomer(number: number) {
  return {
    ...{ id: randomUUID(), type: "person" as const, client_id: null, token_id: `t${number}` },
    ...{ pretalx_id: null, profile: '{"display_name":"A name"}', traits: [], position: POSITION },
    ...{ commandId: `login.${number}`, world: WORLD, user: null },
  };
}

t.test("what a login reads does not grow with those who came before", async (t) => {
  const { databaseUrl } = await createTestStores(t);
  // Plans are a connection's.
  const sql = postgres(databaseUrl, { max: 1 });
  t.teardown(() => sql.end());
  await sql`insert into worlds (id, settings, roles, trait_grants) values (${WORLD}, '{}', '{}', '{}')`;
  // It would look too, if this took it a minute.
  for (const table of ["users", "command_log", "search_entries"]) {
    await sql`alter table ${sql(table)} set (autovacuum_enabled = off)`;
  }
  let last = 0;
  const logIn = async (count: number) => {
    const people = Array.from({ length: count }, () => newcomer(++last));
    await selectUsers(
      sql,
      WORLD,
      "token_id",
      people.map(({ token_id }) => token_id),
    );
    await writeNewLogins(sql, WORLD, people);
    await touchLogins(
      sql,
      WORLD,
      people.map(({ id }) => ({ id, traits: null })),
    );
  };
  /** Rows and index entries that reading has come across. */
  const readOnes = async () => {
    await sql`select pg_stat_force_next_flush()`;
    const [row] = await sql<{ read: number }[]>`
      select (select sum(idx_tup_read) from pg_stat_user_indexes)::float8
        + (select sum(seq_tup_read) from pg_stat_user_tables)::float8 as read`;
    return row!.read;
  };
  const costOfOne = async () => {
    const before = await readOnes();
    await logIn(1);
    return (await readOnes()) - before;
  };
  // Often enough for plans that are kept, of statements and of foreign keys.
  for (let times = 0; times < 10; times++) await logIn(1);
  await logIn(2_000);
  t.ok((await costOfOne()) > 2_000, "plans of an empty table go through all of it");

  t.same((await selectOutgrownTables(sql)).sort(), ["command_log", "search_entries", "users"]);
  await new PlannerStatistics({ sql, log: createLog("silent") }).look();
  t.same(await selectOutgrownTables(sql), []);
  t.ok((await costOfOne()) < 50, "now they do not");
});

t.test("a worker looks by itself once many have come", async (t) => {
  const { databaseUrl } = await createTestStores(t);
  const sql = postgres(databaseUrl, { max: 1 });
  t.teardown(() => sql.end());
  await sql`insert into worlds (id, settings, roles, trait_grants) values (${WORLD}, '{}', '{}', '{}')`;
  await writeNewLogins(
    sql,
    WORLD,
    Array.from({ length: 1_000 }, (_, i) => newcomer(i)),
  );
  const renewed: unknown[] = [];
  const log = { ...createLog("silent"), debug: (fields: unknown) => renewed.push(fields) };
  const statistics = new PlannerStatistics({ sql, log: log as never });
  statistics.ran(199);
  statistics.ran(1);
  await statistics.idle();
  t.match(renewed, [{ table: "users" }]);
});
