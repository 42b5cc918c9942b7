/** Protocol, section 3: the user object and every call on users, but for moderation. */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import t from "tap";
import { answerTo, mainWorld, sign, startConformance } from "./conformance.ts";

const listWorld = {
  world: {
    ...mainWorld.world,
    id: "lists",
    user_list: { page_size: 2, search_min_chars: 2 },
  },
};

const publicKeys = ["id", "profile", "pretalx_id", "badges", "inactive", "deleted"];
const managerKeys = [...publicKeys, "moderation_state", "token_id"];

t.test("protocol 3, over two gateways and two workers", async (t) => {
  const cluster = await startConformance(t, [mainWorld, listWorld]);
  const { connect, enter, person, guest, admin } = cluster;
  const sql = postgres(cluster.databaseUrl, { max: 2 });
  t.teardown(() => sql.end());
  const manager = await admin();
  const keysOf = (value: object) => Object.keys(value);
  const stranger = randomUUID();
  const notFound = { ok: false, body: { code: "user.not_found" } };
  /** With one name, in the world of lists. */
  const named = async (name: string | null, traits: string[] = []) => {
    const profile = name === null ? {} : { display_name: name };
    return await enter({ token: sign({ uid: randomUUID(), traits, profile }) }, "lists");
  };

  t.test(
    "the user object has these keys in this order, for oneself, for others and for managers",
    async (t) => {
      const uid = randomUUID();
      const user = await enter({
        token: sign({ uid, traits: ["speaker"], profile: { display_name: "Ada" } }),
      });
      t.strictSame(keysOf(user.me), [...publicKeys, "client_state"]);
      t.ok((await user.ask("user.update", { client_state: { theme: "dark" } })).ok);
      const seen = {
        id: user.id,
        profile: { display_name: "Ada" },
        pretalx_id: null,
        badges: ["Speaker"],
        inactive: false,
        deleted: false,
      };
      const other = await guest();
      t.strictSame((await other.ask("user.fetch", { id: user.id })).body, seen);
      t.strictSame(keysOf((await other.ask("user.fetch", { id: user.id })).body), publicKeys);
      t.strictSame(
        (await user.ask("user.fetch", { id: user.id })).body,
        seen,
        "client_state only where it is promised",
      );
      const { body } = await manager.ask("user.fetch", { id: user.id });
      t.strictSame(body, { ...seen, moderation_state: "", token_id: uid });
      t.strictSame(keysOf(body), managerKeys);
      t.strictSame(keysOf(manager.me), [...managerKeys, "client_state"]);
      const here = await guest();
      t.match((await manager.ask("user.fetch", { id: here.id })).body, {
        token_id: null,
        moderation_state: "",
      });
    },
  );

  t.test("user.update: each given key replaces the whole value, other keys are ignored", async (t) => {
    const user = await person();
    const update = (payload: object) => user.ask("user.update", payload);
    const fetch = async () => (await user.ask("user.fetch", { id: user.id })).body;
    t.strictSame(await update({ profile: { a: 1, b: 2 }, client_state: { c: 3 } }), { ok: true, body: {} });
    t.strictSame(await update({ profile: { b: 3 } }), { ok: true, body: {} });
    t.strictSame((await fetch()).profile, { b: 3 });
    const forged = {
      pretalx_id: "X",
      moderation_state: "banned",
      deleted: true,
      id: manager.id,
      badges: ["Crew"],
      type: "kiosk",
    };
    t.strictSame(await update({ ...forged, profile: { c: 1 } }), { ok: true, body: {} });
    t.match(await fetch(), { id: user.id, profile: { c: 1 }, pretalx_id: null, deleted: false, badges: [] });
    t.strictSame(await update(forged), { ok: true, body: {} });
    t.strictSame(await update({ profile: {} }), { ok: true, body: {} });
    t.strictSame((await fetch()).profile, {});
    const odd = {
      "": 1,
      __proto__x: [],
      'q"\\\u2028': { deep: [[[null, true, 1.5e-7]]] },
      emoji: "👩‍🚀\u0007",
    };
    t.ok((await update({ profile: odd })).ok);
    t.strictSame((await fetch()).profile, odd, "as the client wrote it");
  });

  t.test("user.update: 32 KiB each as compact JSON in UTF-8, beyond is user.invalid_body", async (t) => {
    const user = await guest();
    const sized = (bytes: number, letter = "x") => {
      const room = bytes - '{"t":""}'.length;
      const count = Math.floor(room / Buffer.byteLength(letter));
      return { t: letter.repeat(count) + "x".repeat(room - count * Buffer.byteLength(letter)) };
    };
    for (const letter of ["x", "é", "🎪"]) {
      const [fits, not] = [sized(32_768, letter), sized(32_769, letter)];
      t.equal(Buffer.byteLength(JSON.stringify(fits)), 32_768);
      t.ok((await user.ask("user.update", { profile: fits })).ok, letter);
      for (const key of ["profile", "client_state"]) {
        const { ok, body } = await user.ask("user.update", { [key]: not });
        t.notOk(ok);
        t.match(body, {
          code: "user.invalid_body",
          details: { path: `/${key}`, expected: "at most 32768 bytes of JSON" },
        });
      }
    }
    const spaced = `["user.update",1,{"profile":${JSON.stringify(sized(32_768)).replace(":", `:${" ".repeat(20_000)}`)}}]`;
    t.strictSame(await answerTo(user, spaced), ["success", 1, {}], "blanks do not count");
    const half = sized(31_000);
    t.ok((await user.ask("user.update", { profile: half, client_state: half })).ok, "each for itself");
  });

  t.test("user.updated: to each other connection on every node, once, with client_state", async (t) => {
    const payload = { client_id: randomUUID() };
    const [sender, same, far] = [
      await enter(payload, "main", 0),
      await enter(payload, "main", 0),
      await enter(payload, "main", 1),
    ];
    const outsider = await guest();
    t.ok((await sender.ask("user.update", { profile: { n: 1 }, client_state: { s: 1 } })).ok);
    for (const client of [same, far]) {
      const user = { ...sender.me, profile: { n: 1 }, client_state: { s: 1 } };
      t.strictSame(await client.next(), ["user.updated", user]);
    }
    for (const nothing of [{}, { profile: { n: 1 } }, { profile: null, client_state: { s: 1 } }]) {
      t.strictSame(await far.ask("user.update", nothing), { ok: true, body: {} });
    }
    t.ok((await far.ask("user.update", { client_state: { s: 2 } })).ok);
    for (const client of [sender, same]) {
      t.match(await client.next(), ["user.updated", { profile: { n: 1 }, client_state: { s: 2 } }]);
      t.strictSame(await client.quiet(), []);
    }
    for (const client of [far, outsider]) t.strictSame(await client.quiet(), []);
  });

  t.test("user.fetch: one by id, of any type, deleted ones too; user.not_found", async (t) => {
    const user = await person();
    const { user: kiosk } = (await manager.ask("user.kiosk.create", {})).body;
    for (const id of [user.id, kiosk, user.id.toUpperCase()]) {
      t.equal((await user.ask("user.fetch", { id })).body.id, id.toLowerCase());
    }
    for (const id of [stranger, "", "x", `${user.id} `, `{${user.id}}`, "\u0000", "x".repeat(5_000)]) {
      t.strictSame(await user.ask("user.fetch", { id }), notFound, id.slice(0, 50));
    }
  });

  t.test("user.fetch: by ids and by pretalx_ids, unknown ones left out, the first 100 count", async (t) => {
    const [user, speaker] = [
      await person(),
      await enter({ token: sign({ uid: randomUUID(), pretalx_id: "FETCH" }) }),
    ];
    const ask = async (payload: object) => (await user.ask("user.fetch", payload)).body;
    const many = await ask({ ids: [user.id, speaker.id, stranger, "x", "", user.id] });
    t.strictSame(keysOf(many), [user.id, speaker.id]);
    t.strictSame(many[speaker.id], await ask({ id: speaker.id }));
    t.strictSame(await ask({ ids: [] }), {});
    const filler = (count: number) => Array.from({ length: count }, (_, i) => `none-${i}`);
    t.strictSame(keysOf(await ask({ ids: [...filler(99), user.id, speaker.id] })), [user.id]);
    t.strictSame(keysOf(await ask({ pretalx_ids: ["FETCH", "NONE", "fetch", "", "\u0000"] })), ["FETCH"]);
    t.strictSame(await ask({ pretalx_ids: [...filler(100), "FETCH"] }), {});
    t.equal((await ask({ id: user.id, ids: ["x"] })).id, user.id);
  });

  t.test("user.list: all of a type without deleted ones; banned ones for managers alone", async (t) => {
    const boss = await admin("lists");
    const lister = await enter({ token: sign({ uid: randomUUID(), traits: ["lister"] }) }, "lists");
    await sql`insert into world_grants (world_id, user_id, role) values ('lists', ${lister.id}, 'moderator')`;
    const [person, banned, deleted] = [await named("One"), await named("Banned"), await named("Deleted")];
    t.ok((await boss.ask("user.ban", { id: banned.id })).ok);
    t.ok((await boss.ask("user.delete", { id: deleted.id })).ok);
    const { user: kiosk } = (await boss.ask("user.kiosk.create", { profile: { display_name: "K" } })).body;
    const ids = async (payload: object) => keysOf((await boss.ask("user.list", payload)).body);
    const people = await ids({});
    for (const id of [boss.id, lister.id, person.id, banned.id]) t.ok(people.includes(id));
    for (const id of [deleted.id, kiosk]) t.notOk(people.includes(id));
    t.strictSame((await ids({ type: "person" })).sort(), people.sort());
    t.notOk((await ids({ include_banned: false })).includes(banned.id));
    t.strictSame(await ids({ type: "kiosk" }), [kiosk]);
    t.strictSame(await ids({ type: "anon" }), []);
    const { body } = await boss.ask("user.list", {});
    t.strictSame(keysOf(body[person.id]), managerKeys);
    t.equal(body[banned.id].moderation_state, "banned");
    t.strictSame(keysOf((await boss.ask("user.list", { type: "kiosk" })).body[kiosk]), [
      ...managerKeys,
      "client_state",
    ]);
  });

  t.test("user.list with a limit: keyset pages in the order of names, nameless ones last", async (t) => {
    const boss = await admin("lists");
    for (const name of ["beta", "Alpha", "ALPHA", null]) await named(name);
    const seen: string[] = [];
    let after: string | null = null;
    let pages = 0;
    do {
      const { body } = await boss.ask("user.list", { limit: 2, after });
      t.strictSame(keysOf(body), ["users", "next"]);
      t.ok(keysOf(body.users).length <= 2);
      seen.push(...keysOf(body.users));
      after = body.next;
      pages++;
      if (pages === 1) await named("aaa comes later");
    } while (after !== null);
    const { body: all } = await boss.ask("user.list", { limit: 1000 });
    t.equal(all.next, null);
    t.equal(new Set(seen).size, seen.length, "nobody twice");
    const names = keysOf(all.users).map((id) =>
      (all.users[id].profile.display_name ?? "\uffff").toLowerCase(),
    );
    t.strictSame(names, [...names].sort());
    t.strictSame(
      keysOf(all.users).filter((id) => seen.includes(id)),
      seen,
      "in the same order",
    );
    for (const after of ["", "none", "e30", "WzEsMl0"]) {
      const { body } = await boss.ask("user.list", { limit: 2, after });
      t.match(body, { code: "user.invalid_body", details: { path: "/after" } }, after);
    }
  });

  t.test("user.list.search: what is no page is an empty last one, too few characters too", async (t) => {
    const user = await named("Searching 100%_\\ ÄÖ");
    const empty = { results: [], isLastPage: true };
    const search = async (payload: object) => (await user.ask("user.list.search", payload)).body;
    for (const page of [0, -1, 1.5, "1", null, true, [], {}, 1e300, 2 ** 53, 999]) {
      t.strictSame(await search({ search_term: "Searching", page }), empty, JSON.stringify(page));
    }
    for (const term of ["", "S", "🎪"])
      t.strictSame(await search({ search_term: term, page: 1 }), empty, term);
    for (const term of [
      "\u0000",
      "ab\ud800",
      "Searching_",
      "%%",
      "__",
      "\\\\",
      "Sear%ing",
      "x".repeat(9_000),
    ]) {
      t.strictSame(await search({ search_term: term, page: 1 }), empty, term.slice(0, 20));
    }
    for (const term of ["searching", "SEARCHING 100%", "%_\\", "0%_", "äö", "ÄÖ"]) {
      const { results, isLastPage } = await search({ search_term: term, page: 1 });
      t.strictSame(
        results.map((found: { id: string }) => found.id),
        [user.id],
        term,
      );
      t.equal(isLastPage, true);
      t.strictSame(keysOf(results[0]), publicKeys);
    }
    t.strictSame(keysOf(await search({ search_term: "searching", page: 1 })), ["results", "isLastPage"]);
  });

  t.test("user.list.search: fields, badges, bans, pages and their order", async (t) => {
    const boss = await admin("lists");
    const people = [
      await named("Zed Finding"),
      await named("finding B", ["crew"]),
      await named("Finding a", ["speaker"]),
    ];
    const [zed, b, a] = people as [(typeof people)[0], (typeof people)[0], (typeof people)[0]];
    const search = async (client: typeof zed, payload: object) => {
      const { results, isLastPage } = (await client.ask("user.list.search", { page: 1, ...payload })).body;
      return [results.map((found: { id: string }) => found.id), isLastPage];
    };
    t.strictSame(await search(zed, { search_term: "FINDING" }), [[a.id, b.id], false]);
    t.strictSame(await search(zed, { search_term: "FINDING", page: 2 }), [[zed.id], true]);
    t.strictSame(
      await search(zed, { search_term: "", badge: "Crew" }),
      [[b.id], true],
      "a badge needs no term",
    );
    t.strictSame(await search(zed, { search_term: "finding", badge: "Nobody's" }), [[], true]);
    const profile = {
      display_name: "Zed Finding",
      fields: { company: "Widget works", other: "Hidden words" },
    };
    t.ok((await zed.ask("user.update", { profile })).ok);
    t.strictSame(await search(b, { search_term: "widget" }), [[zed.id], true]);
    t.strictSame(await search(b, { search_term: "hidden" }), [[], true], "only fields marked searchable");
    t.ok((await boss.ask("user.ban", { id: a.id })).ok);
    t.strictSame(await search(zed, { search_term: "finding", include_banned: true }), [[b.id, zed.id], true]);
    t.strictSame(await search(boss, { search_term: "finding" }), [[a.id, b.id], false]);
    t.strictSame(await search(boss, { search_term: "finding", include_banned: false }), [
      [b.id, zed.id],
      true,
    ]);
    t.ok((await boss.ask("user.delete", { id: b.id })).ok);
    t.strictSame(await search(zed, { search_term: "finding" }), [[zed.id], true]);
  });

  t.test(
    "user.online_status: connected on any node; unknown ones are false; the first 100 count",
    async (t) => {
      const [user, other] = [await guest("main", 0), await guest("main", 1)];
      const ids = [other.id, user.id, stranger, "x", ""];
      const { body } = await user.ask("user.online_status", { ids });
      t.strictSame(body, { [other.id]: true, [user.id]: true, [stranger]: false, x: false, "": false });
      const filler = Array.from({ length: 100 }, (_, i) => `none-${i}`);
      t.equal(keysOf((await user.ask("user.online_status", { ids: [...filler, user.id] })).body).length, 100);
      t.strictSame((await user.ask("user.online_status", { ids: [] })).body, {});
    },
  );

  t.test("user.block, user.unblock, user.list.blocked", async (t) => {
    const [user, other] = [await person(), await guest()];
    const nothing = { ok: true, body: {} };
    const blocked = async () => (await user.ask("user.list.blocked", {})).body;
    t.strictSame(await blocked(), []);
    t.strictSame(await user.ask("user.block", { id: other.id }), nothing);
    t.strictSame(await user.ask("user.block", { id: other.id }), nothing);
    t.strictSame(await blocked(), [(await user.ask("user.fetch", { id: other.id })).body]);
    t.strictSame(await other.quiet(), [], "the blocked user is not told");
    t.strictSame((await other.ask("user.list.blocked", {})).body, []);
    for (const name of ["block", "unblock"]) {
      for (const id of [stranger, "x", ""]) t.strictSame(await user.ask(`user.${name}`, { id }), notFound);
      t.strictSame(await user.ask(`user.${name}`, { id: user.id }), {
        ok: false,
        body: { code: `user.${name}.self` },
      });
    }
    t.strictSame(await user.ask("user.unblock", { id: other.id }), nothing);
    t.strictSame(await user.ask("user.unblock", { id: other.id }), nothing);
    t.strictSame(await blocked(), []);
    const rows = await sql`select event, user_id from audit_log where actor_id = ${user.id} order by id`;
    t.strictSame(
      rows.map(({ event, user_id }) => [event, user_id]),
      [
        ["blocked", other.id],
        ["unblocked", other.id],
      ],
    );
  });

  t.test("user.admin.update: profile and pretalx_id of anybody, client_state of kiosks", async (t) => {
    const [user, other] = [await guest("main", 0), await guest("main", 1)];
    const update = (payload: object) => manager.ask("user.admin.update", payload);
    const nothing = { ok: true, body: {} };
    t.strictSame(
      await update({ id: user.id, profile: { display_name: "By admin" }, pretalx_id: "ADMIN" }),
      nothing,
    );
    t.match(await user.next(), [
      "user.updated",
      { profile: { display_name: "By admin" }, pretalx_id: "ADMIN", client_state: {} },
    ]);
    t.strictSame(await update({ id: user.id }), nothing);
    t.strictSame(
      await update({ id: user.id, profile: { display_name: "By admin" }, pretalx_id: null }),
      nothing,
    );
    t.match(await update({ id: other.id, pretalx_id: "ADMIN" }), {
      ok: false,
      body: { code: "user.invalid_body", details: { path: "/pretalx_id" } },
    });
    t.match(await update({ id: user.id, client_state: {} }), {
      ok: false,
      body: { code: "user.invalid_body", details: { path: "/client_state" } },
    });
    t.match(await update({ id: user.id, profile: { t: "x".repeat(33_000) } }), {
      ok: false,
      body: { details: { path: "/profile" } },
    });
    t.strictSame(await update({ id: user.id, pretalx_id: "" }), nothing);
    t.match(await user.next(), ["user.updated", { pretalx_id: null }]);
    t.strictSame(await update({ id: other.id, pretalx_id: "ADMIN" }), nothing, "free again");
    for (const id of [stranger, "x"]) t.strictSame(await update({ id, profile: {} }), notFound);
    const rows =
      await sql`select event, data, actor_id from audit_log where user_id = ${user.id} order by id`;
    t.strictSame(
      rows.map(({ event, data, actor_id }) => [event, data, actor_id]),
      [
        ["profile", { old: {}, new: { display_name: "By admin" }, by_admin: true }, manager.id],
        ["pretalx_id", { old: null, new: "ADMIN", by_admin: true }, manager.id],
        ["pretalx_id", { old: "ADMIN", new: null, by_admin: true }, manager.id],
      ],
    );
    t.strictSame(await user.quiet(), []);
  });

  t.test("user.kiosk.create and user.kiosk.fetch: a kiosk's account, its role, its token", async (t) => {
    const id = randomUUID();
    const create = (payload: object) => manager.ask("user.kiosk.create", payload);
    const made = { ok: true, body: { user: id } };
    t.strictSame(await create({ id, profile: { display_name: "Door" } }), made);
    t.strictSame(
      await create({ id: id.toUpperCase(), profile: { display_name: "Door" } }),
      made,
      "repeatable",
    );
    t.match((await create({})).body, { user: /^[0-9a-f-]{36}$/ });
    t.match(await create({ id: manager.id }), {
      ok: false,
      body: { code: "user.invalid_body", details: { path: "/id" } },
    });
    const { body } = await manager.ask("user.kiosk.fetch", { id });
    t.strictSame(keysOf(body), [...managerKeys, "client_state", "token"]);
    for (const nobody of [stranger, manager.id, "x"])
      t.strictSame(await manager.ask("user.kiosk.fetch", { id: nobody }), notFound);
    const kiosk = await enter({ token: body.token });
    t.equal(kiosk.id, id, "the token names this account");
    t.strictSame(kiosk.login["world.config"].permissions, [
      ...[
        "room:chat.read",
        "room:invite.anonymous",
        "room:poll.early_results",
        "room:poll.read",
        "room:question.read",
      ],
      ...["room:view", "room:viewers", "world:view"],
    ]);
    t.equal(kiosk.login["world.config"].rooms.length, 2);
    t.ok((await manager.ask("user.admin.update", { id, client_state: { show: "stage" } })).ok);
    t.match(await kiosk.next(), ["user.updated", { client_state: { show: "stage" } }]);
    t.strictSame((await manager.ask("user.fetch", { id })).body.client_state, { show: "stage" });
    t.notOk("client_state" in (await (await guest()).ask("user.fetch", { id })).body);
    t.ok((await manager.ask("user.delete", { id })).ok);
    const denied = { code: "auth.denied", message: "Permission denied." };
    t.strictSame(
      await answerTo(await connect(), ["authenticate", { token: body.token }]),
      ["error", denied],
      "and never makes one",
    );
    t.strictSame(await manager.ask("user.kiosk.fetch", { id }), notFound);
  });

  t.test("user.social.connect refuses what it cannot do", async (t) => {
    const user = await guest();
    const url = "https://conf.example/me";
    const refusals: [payload: object, code: string][] = [
      [{ network: "myspace", return_url: url }, "user.social.unknown"],
      [{ network: "Twitter", return_url: url }, "user.social.unknown"],
      [{ network: "linkedin", return_url: url }, "user.social.disabled"],
      [{ network: "twitter", return_url: url }, "user.social.disabled"],
    ];
    for (const [payload, code] of refusals) {
      t.strictSame(
        await user.ask("user.social.connect", payload),
        { ok: false, body: { code } },
        JSON.stringify(payload),
      );
    }
  });
});
