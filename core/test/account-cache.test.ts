/** Accounts that a worker keeps: what counts is what Postgres says at the moment of reading, however it came about. */
import postgres from "postgres";
import t from "tap";
import { createTestStores } from "../../shared/testing/stores.ts";
import { AccountCache } from "../account-cache.ts";
import { AccountReads } from "../account-reads.ts";
import type { Sql } from "../sql/database.ts";
import type { KnownUser, UserRow } from "../sql/users.ts";
import { createWorldCache } from "../world-cache.ts";
import { startTestWorker } from "./worker.ts";

const [ADA, BOB] = ["0e4a3f6c-6d0f-4f0e-9d0e-000000000001", "0e4a3f6c-6d0f-4f0e-9d0e-000000000002"] as const;

const known = (id: string, profile = "{}", traits: string[] = []) =>
  ({
    row: { id, profile, client_state: "", traits, world_roles: [], room_roles: [] },
  }) as unknown as KnownUser;

t.test("what was asked for longest ago is forgotten when there is no room", async (t) => {
  const cache = new AccountCache(3_500);
  for (const id of ["a", "b", "c"]) cache.set("w", known(id));
  t.ok(cache.get("w", "a"));
  cache.set("w", known("d"));
  t.same(
    [..."abcd"].map((id) => cache.get("w", id) !== undefined),
    [true, false, true, true],
  );
  cache.set("w", known("c", "x".repeat(2_000)));
  t.same(
    [..."abcd"].map((id) => cache.get("w", id) !== undefined),
    [false, false, true, false],
    "by size",
  );
  cache.set(
    "w",
    known(
      "d",
      "{}",
      Array.from({ length: 50 }, () => "trait"),
    ),
  );
  t.same(
    [..."cd"].map((id) => cache.get("w", id) !== undefined),
    [false, true],
    "by what its token gave it",
  );
  cache.set("w", known("c"));
  t.equal(cache.get("w", "d"), undefined);
  t.equal(cache.get("v", "c"), undefined, "another world's");
  cache.delete("w", "c");
  t.equal(cache.size, 0);
  for (const id of ["a", "b", "c"]) cache.set("w", known(id));
  t.equal(cache.size, 3, "what is gone takes no room");
});

t.test("a row is read again when it was written, and only then", async (t) => {
  const { databaseUrl } = await createTestStores(t);
  const sql: Sql = postgres(databaseUrl, { max: 4 });
  t.teardown(() => sql.end());
  const makeWorld = async () => {
    await sql`insert into worlds (id, settings, roles, trait_grants) values
      ('w', '{}', '{"attendee": ["world:view", "world:users.list"]}', '{"attendee": []}')`;
  };
  const makeUsers = async () => {
    await sql`insert into users (id, world_id, profile) values
      (${ADA}, 'w', '{"display_name": "Ada"}'), (${BOB}, 'w', '{"display_name": "Bob"}')`;
  };
  await makeWorld();
  await makeUsers();
  const cache = new AccountCache();
  const fetch = async (id: string, by: string = ADA) => {
    const world = (await createWorldCache(sql).get("w"))!;
    const reads = new AccountReads(sql, cache);
    const read = reads.begin({ action: "user.fetch", id: 1, payload: { id } }, by, world)!;
    await reads.read();
    try {
      return JSON.parse(reads.answer(read, Date.now()))[2];
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const rowOf = (id: string) => cache.get("w", id)?.row;

  t.match(await fetch(BOB), { profile: { display_name: "Bob" } });
  const first = rowOf(BOB);
  t.match(await fetch(BOB), { profile: { display_name: "Bob" } });
  t.equal(rowOf(BOB), first, "it is the same object");
  t.equal(await fetch("0e4a3f6c-6d0f-4f0e-9d0e-000000000009"), "user.not_found");

  await sql`update users set profile = '{"display_name": "Rob"}' where id = ${BOB}`;
  t.match(await fetch(BOB), { profile: { display_name: "Rob" } });

  t.notOk("moderation_state" in (await fetch(BOB)));
  await sql`update worlds set roles = roles || '{"admin": ["world:users.manage"]}'`;
  await sql`insert into world_grants (world_id, user_id, role) values ('w', ${ADA}, 'admin')`;
  t.ok("moderation_state" in (await fetch(BOB)), "a grant counts");
  await sql`update world_grants set role = 'nothing' where user_id = ${ADA}`;
  t.notOk("moderation_state" in (await fetch(BOB)), "one that changed");
  await sql`update world_grants set user_id = ${BOB}, role = 'admin' where user_id = ${ADA}`;
  t.ok("moderation_state" in (await fetch(ADA, BOB)), "one that is another's now");
  await sql`delete from world_grants`;
  t.notOk("moderation_state" in (await fetch(ADA, BOB)), "and one that is taken back");

  await sql`update users set moderation_state = 'banned' where id = ${ADA}`;
  t.equal(await fetch(BOB), "auth.denied", "who is banned asks in vain");
  await sql`update users set moderation_state = '' where id = ${ADA}`;

  const inTime = rowOf(BOB);
  await sql
    .begin(async (tx) => {
      await tx`update users set profile = '{"display_name": "Nobody"}' where id = ${BOB}`;
      t.match(await fetch(BOB), { profile: { display_name: "Rob" } }, "what is not committed is not there");
      throw new Error("rolled back");
    })
    .catch(() => {});
  t.match(await fetch(BOB), { profile: { display_name: "Rob" } });
  t.equal(rowOf(BOB), inTime);

  await sql`delete from users where id = ${BOB}`;
  t.equal(await fetch(BOB), "user.not_found");
  t.equal(rowOf(BOB), undefined);

  cache.set("w", { ...cache.get("w", ADA)!, origin: "another server" });
  const elsewhere = rowOf(ADA);
  t.match(await fetch(ADA), { profile: { display_name: "Ada" } });
  t.not(rowOf(ADA), elsewhere, "what another server said is not believed");

  await sql`delete from worlds`;
  await makeWorld();
  await makeUsers();
  t.match(await fetch(BOB), { profile: { display_name: "Bob" } }, "another world of that name");
});

t.test("where nothing was committed since, accounts are not looked at one by one", async (t) => {
  const { databaseUrl } = await createTestStores(t);
  const issued: string[] = [];
  const sql: Sql = postgres(databaseUrl, {
    max: 1,
    onnotice() {},
    debug: (_, text) => void issued.push(text),
  });
  const others: Sql = postgres(databaseUrl, { max: 2 });
  t.teardown(() => Promise.all([sql.end(), others.end()]));
  await others`insert into worlds (id, settings, roles, trait_grants) values ('w', '{}', '{}', '{}')`;
  await others`insert into users (id, world_id) values (${ADA}, 'w'), (${BOB}, 'w')`;
  const cache = new AccountCache();
  /** Whatever others commit, in tests beside this one too, is not seen before the next time. */
  const look = async () => {
    await sql`rollback`;
    await sql`begin isolation level repeatable read`;
  };
  /** What a reading finds, and whether it looked at each. */
  const read = async (...ids: string[]) => {
    issued.length = 0;
    const wanted = new Map<string, UserRow | undefined>(ids.map((id) => [id, undefined]));
    await cache.read(sql, "w", wanted);
    const lookedAt = issued.some((text) => text.includes("users"));
    return [...[...wanted.values()].map((row) => row?.moderation_state), lookedAt];
  };

  await look();
  t.same(await read(ADA), ["", true]);
  t.same(await read(ADA), ["", true], "whether it is quiet is not known yet");
  t.same(await read(ADA), ["", false]);
  t.same(await read(ADA, BOB), ["", "", true], "one that was not looked at");
  t.same(await read(ADA, BOB), ["", "", false]);

  await others`update users set moderation_state = 'banned' where id = ${BOB}`;
  await look();
  t.same(await read(ADA), ["", true], "anything that was committed counts");
  t.same(await read(ADA), ["", true]);
  t.same(await read(ADA), ["", false]);
  t.same(await read(ADA, BOB), ["", "banned", true], "what was looked at before that does not");
  t.same(await read(ADA, BOB), ["", "banned", false]);
  cache.get("w", ADA)!.moment = "of another server";
  t.same(await read(ADA), ["", true]);

  // It has its number before the others look, and commits between two of their looks.
  await others.begin(async (tx) => {
    await tx`update users set moderation_state = 'banned' where id = ${ADA}`;
    await look();
    for (let i = 0; i < 3; i++) await read(ADA);
    t.same(await read(ADA), ["", false], "one under way has committed nothing");
  });
  await look();
  t.same(await read(ADA), ["banned", true], "until it does");
});

t.test("a worker shows what another one wrote", async (t) => {
  const { wire, logIn } = await startTestWorker(t);
  const [ada, bob] = [await logIn("ada"), await logIn("bob")];
  const fetch = async () =>
    (await wire.ask({ user: ada, frame: `["user.fetch",1,{"id":"${bob}"}]` })).json[2];
  for (const name of ["B", "Bo", "Bob"]) {
    await wire.ask({ user: bob, frame: `["user.update",1,{"profile":{"display_name":"${name}"}}]` });
    t.match(await fetch(), { profile: { display_name: name } });
    t.match(await fetch(), { profile: { display_name: name } }, "the second time out of what it keeps");
  }
});
