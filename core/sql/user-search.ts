/** Searching accounts in Postgres (docs/search.md): the index that is in display order is walked up to the page's end. */
import type { Queryable, Transaction } from "./database.ts";

/** Whom to look for. */
export interface SearchQuery {
  /** Part of the name or of a searchable profile field; "": any. */
  term: string;
  /** null: with or without badges. */
  badge: string | null;
  /** Whether banned accounts count. */
  banned: boolean;
}

/** Which of the matches. */
export interface SearchPage {
  offset: number;
  limit: number;
  /** ms since the epoch: who logged in last before it comes after namesakes who are active. */
  activeSince: number;
}

/** Stands between texts, and in a column of the index for one that is too long for it. */
const MARK = "\u0001";

/**
 * Readies a transaction for searching, and folds a term as names are folded. Which index serves is known here; what
 * the planner would guess, since it cannot know how many names contain a text, is to read and sort everything.
 */
export async function beginSearch(tx: Transaction, term: string): Promise<string> {
  const rows = await tx<{ folded: string }[]>`
    select search_fold(${term}) as folded, set_config(name, 'off', true)
    from unnest(array['enable_seqscan', 'enable_sort', 'enable_hashjoin', 'enable_mergejoin', 'jit']) name`;
  return rows[0]!.folded;
}

/**
 * The ids of a page of matches, in their order. The term is folded.
 *
 * Who is active is written by every login and so stands in no index: the page is found by name and id, and those with
 * the names that are on it are then put in order.
 */
export async function selectMatches(
  sql: Queryable,
  world: string,
  query: SearchQuery,
  page: SearchPage,
): Promise<string[]> {
  const source = sql`search_entries e where e.world_id = ${world} and ${matches(sql, query)}`;
  const rows = await sql<{ id: string }[]>`
    with page as materialized (
      select e.name, e.user_id from ${source}
      order by e.world_id, e.name, e.user_id offset ${page.offset} limit ${page.limit}
    ), first as materialized (
      select name, user_id from page order by name, user_id limit 1
    ), namesakes as materialized (
      select e.world_id, e.user_id, e.name from ${source}
        and e.name >= (select name from first) and e.name <= (select max(name) from page)
    )
    select n.user_id as id
    from namesakes n join users u on u.world_id = n.world_id and u.id = n.user_id
    order by n.name, u.last_login_at is null or u.last_login_at < to_timestamp(${page.activeSince / 1_000}), n.user_id
    offset (
      select count(*) from namesakes n, first where n.name = first.name and n.user_id < first.user_id
    ) limit ${page.limit}`;
  return rows.map((row) => row.id);
}

/** The condition on an entry `e`, as far as possible on what the index in display order holds. */
function matches(sql: Queryable, { term, badge, banned }: SearchQuery) {
  return sql`(${banned} or not e.banned)
    ${term === "" ? sql`` : sql`and (strpos(e.name, ${term}) > 0 or ${contains(sql, "more", term)})`}
    ${badge === null ? sql`` : sql`and ${contains(sql, "badges", MARK + badge + MARK)}`}`;
}

/** A case, since "and" would look at the row also where the index has null. */
function contains(sql: Queryable, column: "more" | "badges", text: string) {
  return sql`case e.${sql(`short_${column}`)} when ${MARK} then (
      select strpos(l.${sql(column)}, ${text}) > 0 from search_entries l
      where l.world_id = e.world_id and l.user_id = e.user_id
    ) else strpos(e.${sql(`short_${column}`)}, ${text}) > 0 end`;
}
