/** Properties of lists where tables of cases don't reach: search against a naive filter, pages while people come and go. */
import fc from "fast-check";
import t, {} from "tap";
import { holds } from "../../shared/testing/properties.js";
import { importWorld } from "../world-file.js";
import { startTestWorker, testWorld } from "./worker.js";
/** Few characters, so that terms are found; with case, a script without it, wildcards and a character of two units. */
const character = fc.constantFrom("a", "B", "ä", "Ж", "日", "%", "_", "\\", " ", "🎪");
const text = fc.string({ unit: character, maxLength: 6 });
const person = fc.record({
    name: text,
    job: text,
    bio: text,
    speaker: fc.boolean(),
    banned: fc.boolean(),
    deleted: fc.boolean(),
});
const fold = (value) => value.toLowerCase();
async function start(t, prefix) {
    const worker = await startTestWorker(t);
    const { sql, wire } = worker;
    let worlds = 0;
    /** A world of its own for these people; names are their order in the list, too. */
    const fill = async (people) => {
        const id = `${prefix}-${++worlds}`;
        const fields = [{ id: "job", searchable: true }, { id: "bio" }];
        await importWorld(sql, null, {
            world: { ...testWorld.world, id, profile_fields: fields, user_list: { page_size: 1000 } },
        });
        const ids = [];
        for (const each of people) {
            const profile = { display_name: each.name, fields: { job: each.job, bio: each.bio } };
            const [row] = await sql `
        insert into users (world_id, profile, traits, moderation_state, deleted_at) values (${id},
          ${JSON.stringify(profile)}::text::jsonb, ${each.speaker ? ["speaker"] : []},
          ${each.banned ? "banned" : ""}, ${each.deleted ? new Date() : null})
        returning id`;
            ids.push(row.id);
        }
        const [manager] = await sql `insert into users (world_id, traits) values (${id}, '{admin}') returning id`;
        const ask = async (action, body) => {
            const frame = JSON.stringify([action, 1, body]);
            const { json } = await wire.ask({ world: id, user: manager.id, frame });
            if (json[0] !== "success")
                throw new Error(JSON.stringify(json));
            return json[2];
        };
        return { id, ids, manager: manager.id, ask };
    };
    return { ...worker, fill };
}
t.test("search finds whom a naive filter finds", async (t) => {
    const { fill } = await start(t, "search");
    const cases = fc.record({
        people: fc.array(person, { maxLength: 12 }),
        searches: fc.array(fc.record({ term: text, badge: fc.boolean(), banned: fc.boolean() }), {
            minLength: 1,
            maxLength: 6,
        }),
    });
    await holds(cases, 25, async ({ people, searches }) => {
        const { ids, ask } = await fill(people);
        for (const { term, badge, banned } of searches) {
            const found = await ask("user.list.search", {
                search_term: term,
                page: 1,
                include_banned: banned,
                ...(badge ? { badge: "Speaker" } : {}),
            });
            const expected = ids.filter((_, i) => {
                const { name, job, speaker, ...each } = people[i];
                const matches = [name, job].some((value) => fold(value).includes(fold(term)));
                const visible = name !== "" && !each.deleted && (banned || !each.banned) && (!badge || speaker);
                return visible && matches;
            });
            const got = found.results.map((user) => user.id);
            if (JSON.stringify([...got].sort()) !== JSON.stringify([...expected].sort())) {
                throw new Error(`${JSON.stringify({ term, badge, banned })}: found ${got}, expected ${expected}`);
            }
        }
    });
});
t.test("pages: whoever stays is seen exactly once, while others come and go", async (t) => {
    const { fill, sql } = await start(t, "pages");
    const cases = fc.record({
        people: fc.array(person, { minLength: 1, maxLength: 20 }),
        limit: fc.integer({ min: 1, max: 7 }),
        /** After each page: who goes, and who comes. */
        changes: fc.array(fc.record({ goes: fc.nat(), comes: text }), { maxLength: 8 }),
    });
    await holds(cases, 25, async ({ people, limit, changes }) => {
        const alive = people.map((each) => ({ ...each, deleted: false }));
        const { id, ids, manager, ask } = await fill(alive);
        const gone = new Set();
        const seen = [];
        const left = [...changes];
        let after = null;
        do {
            const page = await ask("user.list", {
                limit,
                ...(after === null ? {} : { after }),
            });
            seen.push(...Object.keys(page.users));
            after = page.next;
            const change = left.shift();
            if (change === undefined)
                continue;
            const goes = ids[change.goes % ids.length];
            gone.add(goes);
            await sql `update users set deleted_at = now() where world_id = ${id} and id = ${goes}`;
            const profile = JSON.stringify({ display_name: change.comes });
            await sql `insert into users (world_id, profile) values (${id}, ${profile}::text::jsonb)`;
        } while (after !== null);
        for (const stays of [...ids.filter((each) => !gone.has(each)), manager]) {
            const times = seen.filter((each) => each === stays).length;
            if (times !== 1)
                throw new Error(`${stays} was seen ${times} times`);
        }
        if (new Set(seen).size !== seen.length)
            throw new Error("somebody was seen twice");
    });
});
//# sourceMappingURL=list-properties.test.js.map