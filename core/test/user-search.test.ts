/** `user.list.search`: who is found, by whom, and in which order. */
import { randomUUID } from "node:crypto";
import t, { type Test } from "tap";
import { importWorld } from "../world-file.ts";
import { startTestWorker, testWorld } from "./worker.ts";

/** A world to search in; `user_list` may differ. */
const world = (
  id: string,
  userList: object = {},
  fields: object[] = [{ id: "job", searchable: true }, { id: "bio" }],
) => ({
  world: { ...testWorld.world, id, user_list: userList, profile_fields: fields },
});

interface Person {
  name?: unknown;
  fields?: object;
  traits?: string[];
  type?: string;
  state?: string;
  deleted?: boolean;
  active?: boolean;
}

async function startSearching(t: Test, ...worlds: object[]) {
  const worker = await startTestWorker(t);
  const { sql, wire } = worker;
  for (const file of worlds) await importWorld(sql, null, file);

  const add = async (id: string, person: Person) => {
    const profile = { display_name: person.name, fields: person.fields ?? {} };
    const rows = await sql`
      insert into users (world_id, type, client_id, profile, traits, moderation_state, deleted_at, last_login_at)
      values (${id}, ${person.type ?? "person"}, ${randomUUID()}, ${JSON.stringify(profile)}::text::jsonb,
        ${person.traits ?? []}, ${person.state ?? ""}, ${person.deleted ? new Date() : null},
        ${person.active === false ? null : new Date()})
      returning id`;
    return rows[0]!.id as string;
  };

  /** Searches as a guest, or as somebody else; gives what was answered. */
  const search = async (id: string, body: object, user?: string) => {
    const frame = JSON.stringify(["user.list.search", 1, { page: 1, search_term: "", ...body }]);
    const actor = user ?? (await worker.logIn("searcher", id));
    return (await wire.ask({ world: id, user: actor, frame })).json[2];
  };
  const names = async (id: string, body: object, user?: string): Promise<unknown[]> => {
    const { results } = await search(id, body, user);
    return results.map((found: { profile: { display_name: unknown } }) => found.profile.display_name);
  };
  return { ...worker, add, search, names };
}

t.test("who is found", async (t) => {
  const { add, search, names, sql, wire } = await startSearching(t, world("s"), world("other"));
  const manager = await add("s", { traits: ["admin"] });
  await add("other", { name: "Ada of another world" });
  for (const person of [
    { name: "Ada Lovelace", fields: { job: "Countess", bio: "wrote a program" } },
    { name: "Grace 100% \\_/ Hopper", fields: { job: 5 }, traits: ["speaker"] },
    { name: "ÄRGER Straße", fields: { job: "ПОВАР" } },
    { name: "ΟΔΟΣ", fields: { job: ["Countess"] } },
    { name: "😀 smile" },
    { name: "Banned Bob", state: "banned" },
    { name: "Silenced Sue", state: "silenced" },
    { name: "Kiosk", type: "kiosk" },
    { name: "Anonymous", type: "anon" },
    { name: "Deleted", deleted: true },
    { name: "" },
    { name: 5 },
    { fields: { job: "Countess" } },
  ]) {
    await add("s", person);
  }

  t.test("people with a name who are not deleted, and banned ones by managers alone", async (t) => {
    const all = [
      "Ada Lovelace",
      "Grace 100% \\_/ Hopper",
      "Silenced Sue",
      "ÄRGER Straße",
      "ΟΔΟΣ",
      "😀 smile",
    ];
    t.same(await names("s", {}), all);
    t.same(await names("s", { include_banned: true }), all);
    t.same(await names("s", { include_banned: false }, manager), all);
    const withBanned = [all[0], "Banned Bob", ...all.slice(1)];
    t.same(await names("s", {}, manager), withBanned);
    t.same(await names("s", { include_banned: null, badge: null }, manager), withBanned);
    t.match((await search("s", { search_term: "bob" }, manager)).results, [{ moderation_state: "banned" }]);
    t.notOk("moderation_state" in (await search("s", { search_term: "sue" })).results[0]);
  });

  for (const [term, found] of [
    ["love", ["Ada Lovelace"]],
    ["LOVE", ["Ada Lovelace"]],
    ["a l", ["Ada Lovelace"]],
    ["countess", ["Ada Lovelace"]],
    ["program", []],
    ["ärger", ["ÄRGER Straße"]],
    ["повар", ["ÄRGER Straße"]],
    ["οδός", []],
    ["οδος", ["ΟΔΟΣ"]],
    ["δοσ", ["ΟΔΟΣ"]],
    ["😀", ["😀 smile"]],
    ["%", ["Grace 100% \\_/ Hopper"]],
    ["_", ["Grace 100% \\_/ Hopper"]],
    ["\\_/", ["Grace 100% \\_/ Hopper"]],
    ["a%e", []],
    ["\u0000", []],
    ["a\u0000", []],
    ["\ud83d", []],
    ["\udc00x", []],
    ["\u0001", []],
    ["'; drop table users; --", []],
    ["x".repeat(30_000), []],
  ] as const) {
    t.test(`by ${JSON.stringify(term).slice(0, 40)}`, async (t) => {
      t.same(await names("s", { search_term: term }), found);
    });
  }

  t.test("with a badge, only those who wear it", async (t) => {
    t.same(await names("s", { badge: "Speaker" }), ["Grace 100% \\_/ Hopper"]);
    t.same(await names("s", { badge: "Speaker", search_term: "ada" }), []);
    t.same(await names("s", { badge: "speaker" }), []);
    t.same(await names("s", { badge: "\u0000" }), []);
    t.equal((await names("s", { badge: "" })).length, 6, "none asked for");
  });

  t.test("a person's own change is found by the next search", async (t) => {
    const user = await add("s", { name: "Before" });
    const update = async (profile: object) =>
      (await wire.ask({ world: "s", user, frame: JSON.stringify(["user.update", 1, { profile }]) })).json;
    await update({ display_name: "Afterwards", fields: { job: "Juggler" } });
    t.same(await names("s", { search_term: "before" }), []);
    t.same(await names("s", { search_term: "afterw" }), ["Afterwards"]);
    t.same(await names("s", { search_term: "juggl" }), ["Afterwards"]);
    await update({ display_name: "Renamed", fields: { job: "Juggler" } });
    t.same(await names("s", { search_term: "juggl" }), ["Renamed"], "the name alone");
    await update({ display_name: "Renamed", fields: { job: "Acrobat" } });
    t.same(await names("s", { search_term: "acrob" }), ["Renamed"], "a field alone");
    await update({ display_name: "Renamed", fields: { job: "Acrobat" }, avatar: "x" });
    t.same(await names("s", { search_term: "acrob" }), ["Renamed"], "nothing that searches look at");
    t.same(await update({ fields: { job: "Acrobat" } }), ["success", 1, {}]);
    t.same(await names("s", { search_term: "acrob" }), [], "without a name nobody is found");
  });

  t.test("a ban, a trait and a deletion count at once", async (t) => {
    const user = await add("s", { name: "Zed" });
    await sql`update users set traits = '{crew}' where id = ${user}`;
    t.same(await names("s", { badge: "Crew" }), ["Zed"]);
    await sql`update users set moderation_state = 'banned' where id = ${user}`;
    t.same(await names("s", { badge: "Crew" }), []);
    await sql`update users set moderation_state = '' where id = ${user}`;
    t.same(await names("s", { search_term: "zed" }), ["Zed"]);
    await sql`update users set deleted_at = now() where id = ${user}`;
    t.same(await names("s", { search_term: "zed" }), []);
  });

  t.test("a body of another shape is refused", async (t) => {
    for (const body of [
      { search_term: 5 },
      { badge: 5 },
      { include_banned: "yes" },
      { search_term: undefined },
    ]) {
      t.match(await search("s", body), { code: "user.invalid_body" });
    }
  });
});

t.test("in which order, page by page", async (t) => {
  const { add, search, names } = await startSearching(t, world("p", { page_size: 2 }));
  const inactive = await add("p", { name: "Max", active: false });
  const active = [await add("p", { name: "max" }), await add("p", { name: "MAX" })].sort();
  for (const name of ["anna", "Bob", "Carl", "zoe"]) await add("p", { name });
  const page = async (number: unknown) => {
    const { results, isLastPage } = await search("p", { page: number });
    return [results.map((user: { id: string }) => user.id), isLastPage];
  };

  t.test("names ignoring case, then active before inactive, then the id", async (t) => {
    t.same(await page(2), [[expectId(await search("p", { search_term: "carl" })), active[0]], false]);
    t.same(await page(3), [[active[1], inactive], false], "namesakes are divided between pages");
    t.same(await page(4), [[expectId(await search("p", { search_term: "zoe" }))], true]);
  });

  t.test("a full last page is the last one", async (t) => {
    t.same(await names("p", { search_term: "a", page: 1 }), ["anna", "Carl"]);
    const { isLastPage, results } = await search("p", { search_term: "b" });
    t.same([results.length, isLastPage], [1, true]);
    await add("p", { name: "b" });
    const full = await search("p", { search_term: "b" });
    t.same([full.results.length, full.isLastPage], [2, true]);
  });

  t.test("what is no page has nothing on it", async (t) => {
    for (const number of [0, -1, 1.5, "1", null, [], 99, 1e9, 2 ** 53, 1e300]) {
      t.same(await search("p", { page: number }), { results: [], isLastPage: true }, String(number));
    }
  });
});

t.test("what a world says about searching", async (t) => {
  const { add, search, names, sql } = await startSearching(
    t,
    world("min", { search_min_chars: 3 }),
    world("c"),
  );
  const long = "x".repeat(5_000);

  t.test("fewer characters than it wants find nobody, but for a badge", async (t) => {
    await add("min", { name: "😀😀😀", traits: ["crew"] });
    t.same(await search("min", { search_term: "😀😀" }), { results: [], isLastPage: true });
    t.same(await names("min", { search_term: "😀😀😀" }), ["😀😀😀"]);
    t.same(await names("min", { badge: "Crew" }), ["😀😀😀"]);
    t.same(await names("min", { badge: "Crew", search_term: "😀" }), ["😀😀😀"]);
  });

  t.test("other searchable fields and badges hold for accounts that are there", async (t) => {
    await add("c", { name: "Ida", fields: { job: "Pilot", bio: "Sailor" }, traits: ["speaker"] });
    t.same(await names("c", { search_term: "sailor" }), []);
    const changed = world("c", {}, [
      { id: "bio", searchable: true },
      { id: "job", searchable: false },
    ]);
    const badges = { trait_badges_map: { speaker: "Talks" } };
    await importWorld(sql, null, { world: { ...changed.world, ...badges } });
    t.same(await names("c", { search_term: "sailor" }), ["Ida"]);
    t.same(await names("c", { search_term: "pilot" }), []);
    t.same(await names("c", { badge: "Talks" }), ["Ida"]);
    t.same(await names("c", { badge: "Speaker" }), []);
  });

  t.test("names and fields of any length are found by their end too", async (t) => {
    await add("c", { name: `${long}end of a name` });
    await add("c", { name: "Lena", fields: { bio: `${long}end of a text` } });
    t.equal((await names("c", { search_term: "end of a name" })).length, 1);
    t.same(await names("c", { search_term: "end of a text" }), ["Lena"]);
  });
});

t.test("one's own change is found by the next search, whichever of two workers runs it", async (t) => {
  const { names, start, logIn, wire } = await startSearching(t, world("own"));
  const second = await start();
  t.teardown(() => second.stop());
  const user = await logIn("own", "own");
  for (let n = 1; n <= 40; n++) {
    const name = `Round ${n} of it`;
    const frame = JSON.stringify(["user.update", n, { profile: { display_name: name } }]);
    t.equal((await wire.ask({ world: "own", user, frame })).json[0], "success");
    t.same(await names("own", { search_term: `ROUND ${n} O` }, user), [name]);
    t.same(await names("own", { search_term: `round ${n - 1} o` }, user), []);
  }
});

/** The id of the only one found. */
function expectId({ results }: { results: { id: string }[] }): string | undefined {
  return results.length === 1 ? results[0]!.id : undefined;
}
