/** What a worker reads to keep a world's search entries in memory (docs/search.md), a little at a time. */
import type { Queryable } from "./database.ts";
import { originOf } from "./server-state.ts";

/** An account that can be found; its texts are folded. */
export interface SearchEntry {
  id: string;
  name: string;
  /** The searchable fields, U+0001 between them. */
  more: string | null;
  /** U+0001 before, between and after. */
  badges: string | null;
  banned: boolean;
}

/** What a reading saw. */
export interface SearchMoment {
  /** The transactions that it saw, as Postgres writes a snapshot. */
  snapshot: string;
  /** Another one: another server, or another world of that name, whose transactions say nothing about these. */
  origin: string;
}

/** An entry that changed, or one that went, which has no name and may be back; and where to read on. */
export type SearchChange = { changed: string } & (SearchEntry | { id: string; name: null; back: boolean });

/** The moment of this statement; null when there is no such world. */
export async function selectSearchMoment(sql: Queryable, world: string): Promise<SearchMoment | null> {
  const rows = await sql<{ snapshot: string; origin: string | null }[]>`
    select pg_current_snapshot()::text as snapshot, ${originOf(sql, world)} as origin`;
  const row = rows[0]!;
  return row.origin === null ? null : { snapshot: row.snapshot, origin: row.origin };
}

/** Entries of a world in the order of names, from the one after `after` on. */
export async function selectSearchEntries(
  sql: Queryable,
  world: string,
  after: { name: string; id: string },
  limit: number,
): Promise<SearchEntry[]> {
  return await sql<SearchEntry[]>`
    select e.user_id as id, e.name, e.more, e.badges, e.banned from search_entries e
    where e.world_id = ${world} and (e.name, e.user_id) > (${after.name}, ${after.id}::uuid)
    order by e.world_id, e.name, e.user_id limit ${limit}`;
}

/**
 * Entries that a snapshot did not see as they are now.
 *
 * @param since the snapshot
 * @param after the last change of the reading before; at first the oldest transaction that the snapshot missed
 * @returns also the moment of this reading; null when there is no such world
 */
export async function selectSearchChanges(
  sql: Queryable,
  world: string,
  since: string,
  after: { changed: string; id: string },
  limit: number,
): Promise<{ moment: SearchMoment | null; changes: SearchChange[] }> {
  // Each in its index's order by itself: the planner would rather read and sort both, expecting many.
  const isNew = (alias: string) => sql`
    ${sql(alias)}.world_id = ${world}
    and (${sql(alias)}.changed, ${sql(alias)}.user_id) > (${after.changed}::xid8, ${after.id}::uuid)
    and not pg_visible_in_snapshot(${sql(alias)}.changed, ${since}::pg_snapshot)`;
  const rows = await sql<(SearchChange & { snapshot: string; origin: string | null })[]>`
    select pg_current_snapshot()::text as snapshot, ${originOf(sql, world)} as origin, c.*
    from (select) always left join (
      (
        select e.changed, e.user_id as id, e.name, e.more, e.badges, e.banned, false as back
        from search_entries e where ${isNew("e")} order by e.world_id, e.changed, e.user_id limit ${limit}
      ) union all (
        select g.changed, g.user_id, null, null, null, null,
          -- Looked up one by one: an "exists" would be hashed, and all entries read for that.
          (select true from search_entries e where e.world_id = g.world_id and e.user_id = g.user_id) is not null
        from search_gone g where ${isNew("g")} order by g.world_id, g.changed, g.user_id limit ${limit}
      )
      order by changed, id limit ${limit}
    ) c on true`;
  const { snapshot, origin: found } = rows[0]!;
  return {
    moment: found === null ? null : { snapshot, origin: found },
    changes: rows[0]!.id === null ? [] : rows,
  };
}

/** Those of the accounts that have logged in since, in ms since the epoch. */
export async function selectActive(
  sql: Queryable,
  world: string,
  ids: readonly string[],
  since: number,
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from users
    where world_id = ${world} and id = any(${ids as string[]}::uuid[])
      and last_login_at >= to_timestamp(${since / 1_000})`;
  return rows.map((row) => row.id);
}

/** A term as names are folded. */
export async function selectFolded(sql: Queryable, term: string): Promise<string> {
  const rows = await sql<{ folded: string }[]>`select search_fold(${term}) as folded`;
  return rows[0]!.folded;
}
