/** What a worker keeps in memory for searching is what the database says, whoever wrote it, and when. */
import postgres from "postgres";
import t, { type Test } from "tap";
import { createLog } from "../../shared/log.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { findInDatabase, findPeople } from "../find-people.ts";
import { SearchedWorlds } from "../searched-worlds.ts";
import type { Sql } from "../sql/database.ts";

const log = createLog("silent");

const badges = { trait_badges_map: { crew: "Crew" } };

async function start(t: Test, ...people: string[]) {
  const { databaseUrl } = await createTestStores(t);
  const sql: Sql = postgres(databaseUrl, { max: 4 });
  t.teardown(() => sql.end());
  const makeWorld = async () => {
    await sql`
      insert into worlds (id, settings, roles, trait_grants)
      values ('w', ${JSON.stringify(badges)}::text::jsonb, '{}', '{}')`;
  };
  const add = async (tx: Sql, names: string[]) => {
    await tx`
      insert into users (world_id, profile)
      select 'w', jsonb_build_object('display_name', name) from unnest(${names}::text[]) name`;
  };
  await makeWorld();
  await add(sql, people);
  const open = (maxBytes?: number) => {
    const stop = new AbortController();
    t.teardown(() => stop.abort());
    return new SearchedWorlds({
      sql,
      log,
      signal: stop.signal,
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
  };
  /** One with the world in memory. */
  const openFull = async () => {
    const searched = open();
    await waitFor("the world in memory", async () => (await searched.current("w")) !== null);
    return searched;
  };
  /** The names found in memory, which are those of the database. */
  const names = async (searched: SearchedWorlds, term = "", badge: string | null = null) => {
    t.not(await searched.current("w"), null, "it is in memory");
    const query = { term, badge, banned: true };
    const page = { offset: 0, limit: 10_000, activeSince: Date.now() - 1_000 };
    const ids = await findPeople({ sql, searched }, "w", query, page);
    t.same(ids, await findInDatabase(sql, "w", query, page));
    const rows = await sql`select id, profile ->> 'display_name' as name from users where id = any(${ids})`;
    return ids.map((id) => rows.find((row) => row.id === id)!.name as string);
  };
  return { sql, makeWorld, add, open, openFull, names };
}

t.test("two workers know a change as soon as it is committed, whatever it is", async (t) => {
  const { sql, openFull, names } = await start(t, "Ada", "Bob", "Cy");
  const both = [await openFull(), await openFull()];
  const know = async (expected: string[], term?: string, badge?: string) => {
    for (const searched of both) t.same(await names(searched, term, badge), expected);
  };
  await know(["Ada", "Bob", "Cy"]);
  await sql`update users set profile = '{"display_name": "Zed"}' where profile ->> 'display_name' = 'Ada'`;
  await know(["Bob", "Cy", "Zed"]);
  await sql`update users set profile = '{"display_name": ""}' where profile ->> 'display_name' = 'Zed'`;
  await know(["Bob", "Cy"]);
  await sql`update users set profile = '{"display_name": "Ann"}' where profile ->> 'display_name' = ''`;
  await know(["Ann", "Bob", "Cy"]);
  await sql`update users set deleted_at = now() where profile ->> 'display_name' = 'Bob'`;
  await know(["Ann", "Cy"]);
  await sql`update users set traits = '{crew}' where profile ->> 'display_name' = 'Cy'`;
  await know(["Cy"], "", "Crew");
  const settings = { trait_badges_map: { crew: "Staff" } };
  await sql`update worlds set settings = ${JSON.stringify(settings)}::text::jsonb`;
  await know(["Cy"], "", "Staff");
  await know([], "", "Crew");
});

t.test("a change is known that was begun before others and is committed after them", async (t) => {
  const { sql, openFull, names } = await start(t, "Ada", "Bob");
  const searched = await openFull();
  await sql.begin(async (slow) => {
    await slow`update users set profile = '{"display_name": "Slow"}' where profile ->> 'display_name' = 'Ada'`;
    await sql`update users set profile = '{"display_name": "Fast"}' where profile ->> 'display_name' = 'Bob'`;
    t.same(await names(searched), ["Ada", "Fast"]);
  });
  t.same(await names(searched), ["Fast", "Slow"]);
});

t.test("more changes than are read at once are all known", async (t) => {
  const many = Array.from({ length: 3_500 }, (_, i) => `Person ${i}`);
  const { sql, openFull, names } = await start(t, ...many);
  const searched = await openFull();
  t.equal((await names(searched, "person")).length, 3_500);
  await sql`update users set profile = jsonb_build_object('display_name', 'Changed ' || id)`;
  t.equal((await names(searched, "person")).length, 0);
  t.equal((await names(searched, "changed")).length, 3_500);
});

t.test("thousands of namesakes are in order, who is active before who is not", async (t) => {
  const { sql, openFull, names } = await start(t, ...Array.from({ length: 2_500 }, () => "Ann"), "Bob");
  const searched = await openFull();
  await sql`update users set last_login_at = now() + interval '1 hour' where id::text < '8'`;
  t.equal((await names(searched, "ann")).length, 2_500);
});

t.test("a world that was made anew has none of the old one's people", async (t) => {
  const { sql, makeWorld, add, openFull, open, names } = await start(t, "Old", "Ancient");
  const searched = await openFull();
  await sql`delete from worlds`;
  await makeWorld();
  await add(sql, ["New"]);
  t.equal(await searched.current("w"), null, "what it knows is of another world");
  await waitFor("the new world in memory", async () => (await searched.current("w")) !== null);
  t.same(await names(searched), ["New"]);
  t.equal(await open().current("nowhere"), null);
});

t.test("a world that is too large is searched in the database", async (t) => {
  const { sql, open } = await start(t, "Ada", "Bob", "Cy");
  const searched = open(500);
  const query = { term: "b", badge: null, banned: true };
  const page = { offset: 0, limit: 5, activeSince: 0 };
  for (let round = 0; round < 5; round++) {
    t.equal((await findPeople({ sql, searched }, "w", query, page)).length, 1);
    t.equal(await searched.current("w"), null);
  }
});
