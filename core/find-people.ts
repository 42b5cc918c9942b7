/**
 * Finds a page of people (docs/search.md): in memory, where a worker keeps the worlds that are being searched, or in
 * Postgres, as long as a world is not there.
 */

import type { SearchedWorlds } from "./searched-worlds.ts";
import type { Sql } from "./sql/database.ts";
import type { SearchEntry } from "./sql/search-entries.ts";
import { selectActive, selectFolded } from "./sql/search-entries.ts";
import { beginSearch, type SearchPage, type SearchQuery, selectMatches } from "./sql/user-search.ts";

/** Namesakes that one statement asks for. */
const AT_ONCE = 1_000;

/** What finding takes. */
export interface Searching {
  sql: Sql;
  searched: SearchedWorlds;
}

/** The ids of a page, in the order of results. */
export async function findPeople(
  { sql, searched }: Searching,
  world: string,
  query: SearchQuery,
  page: SearchPage,
): Promise<string[]> {
  const [index, term] = await Promise.all([
    searched.current(world),
    query.term === "" ? "" : selectFolded(sql, query.term),
  ]);
  if (index === null) return await findInDatabase(sql, world, query, page);
  const { matches, before } = index.find({ ...query, term }, page.offset, page.limit);
  const active = await activeOf(sql, world, namesakes(matches), page.activeSince);
  const isActive = (entry: SearchEntry) => Number(active.has(entry.id));
  const start = page.offset - before;
  return inRuns(matches)
    .flatMap((run) => (run.length === 1 ? run : run.sort((a, b) => isActive(b) - isActive(a))))
    .slice(start, start + page.limit)
    .map((entry) => entry.id);
}

/** As `findPeople`, without what is in memory. */
export async function findInDatabase(
  sql: Sql,
  world: string,
  query: SearchQuery,
  page: SearchPage,
): Promise<string[]> {
  return await sql.begin("read only", async (tx) => {
    const folded = { ...query, term: await beginSearch(tx, query.term) };
    return await selectMatches(tx, world, folded, page);
  });
}

/** Entries in the order of names, those of each name together. */
function inRuns(entries: readonly SearchEntry[]): SearchEntry[][] {
  const runs: SearchEntry[][] = [];
  for (const entry of entries) {
    const run = runs.at(-1);
    if (run !== undefined && run[0]!.name === entry.name) run.push(entry);
    else runs.push([entry]);
  }
  return runs;
}

/** The ids of those whose order it takes more than the name to know. */
function namesakes(entries: readonly SearchEntry[]): string[] {
  return inRuns(entries).flatMap((run) => (run.length === 1 ? [] : run.map(({ id }) => id)));
}

async function activeOf(sql: Sql, world: string, ids: string[], since: number): Promise<Set<string>> {
  const active = new Set<string>();
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    for (const id of await selectActive(sql, world, ids.slice(from, from + AT_ONCE), since)) active.add(id);
  }
  return active;
}
