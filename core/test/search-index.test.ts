/** Search entries in memory: pages as a naive filter gives them, in Postgres's order, whatever comes and goes. */
import fc from "fast-check";
import t from "tap";
import { holds } from "../../shared/testing/properties.ts";
import { compareTexts, SearchIndex } from "../search-index.ts";
import type { SearchEntry } from "../sql/search-entries.ts";

const inBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

t.test("texts are in the order of their bytes, as in Postgres", async () => {
  const text = fc.string({
    unit: fc.constantFrom("a", "b", "\u00e4", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{1f3aa}"),
    maxLength: 4,
  });
  await holds(fc.tuple(text, text), 500, ([a, b]) => {
    if (Math.sign(compareTexts(a, b)) !== inBytes(a, b)) throw new Error("in another order");
  });
});

/** Few ids and names, so that accounts change, go and have namesakes. */
const entry = fc.record({
  id: fc.nat(1_200).map((n) => String(n).padStart(4, "0")),
  name: fc.string({ unit: fc.constantFrom("a", "b", "\uffff", "\u{1f3aa}"), minLength: 1, maxLength: 5 }),
  more: fc.constantFrom(null, "ab\u0001ba", "\u{1f3aa}"),
  badges: fc.constantFrom(null, "\u0001Crew\u0001", "\u0001Crew\u0001Speaker\u0001"),
  banned: fc.boolean(),
});
const query = fc.record({
  term: fc.constantFrom("", "a", "ab", "ba", "bab", "\u{1f3aa}", "x"),
  badge: fc.constantFrom(null, "Speaker", "Crew", "Spea"),
  banned: fc.boolean(),
});
const page = fc.record({ offset: fc.nat(700), limit: fc.integer({ min: 1, max: 21 }) });

t.test("a page has the matches that a naive filter finds", async () => {
  const cases = fc.record({
    steps: fc.array(fc.record({ entry, goes: fc.boolean() }), { minLength: 2_500, maxLength: 2_500 }),
    asked: fc.array(fc.record({ query, page }), { minLength: 50, maxLength: 50 }),
  });
  await holds(cases, 6, ({ steps, asked }) => {
    const index = new SearchIndex();
    const entries = new Map<string, SearchEntry>();
    steps.forEach(({ entry, goes }, i) => {
      // Later ones empty what the earlier ones filled.
      if (goes && i > 1_500) {
        index.remove(entry.id);
        entries.delete(entry.id);
      } else {
        index.put(entry);
        entries.set(entry.id, entry);
      }
    });
    if (index.size !== entries.size) throw new Error(`${index.size} entries, not ${entries.size}`);
    const sorted = [...entries.values()].sort((a, b) => inBytes(a.name, b.name) || inBytes(a.id, b.id));
    for (const { query, page } of asked) {
      const all = sorted.filter((each) => matches(each, query));
      const { matches: found, before } = index.find(query, page.offset, page.limit);
      const from = page.offset - before;
      same(found.slice(from, from + page.limit), all.slice(page.offset, page.offset + page.limit));
      same(found, all.slice(before, before + found.length));
      const isWhole = (at: number) => all[at - 1]?.name !== all[at]?.name;
      if (found.length > 0 && !(isWhole(before) && isWhole(before + found.length))) {
        throw new Error("namesakes are missing");
      }
    }
    for (const id of entries.keys()) index.remove(id);
    if (index.bytes !== 0 || index.size !== 0) throw new Error("something is left");
  });
});

function matches(entry: SearchEntry, query: { term: string; badge: string | null; banned: boolean }) {
  const texts = [entry.name, ...(entry.more ?? "").split("\u0001")];
  const worn = (entry.badges ?? "").split("\u0001");
  return (
    (query.banned || !entry.banned) &&
    texts.some((text) => text.includes(query.term)) &&
    (query.badge === null || worn.includes(query.badge))
  );
}

function same(found: SearchEntry[], expected: SearchEntry[]) {
  const ids = [found, expected].map((list) => list.map(({ id }) => id).join());
  if (ids[0] !== ids[1]) throw new Error(`found ${ids[0]}, expected ${ids[1]}`);
}
