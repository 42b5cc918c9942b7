/**
 * Searching accounts (docs/search.md). Two ways lead to a page: walking the index that is in display order, which
 * ends with the page, and gathering whom the tokens of the term can mean, which suits what few wear or are called.
 * A sample says which one is short.
 */
import type { Fragment } from "postgres";
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

/** How many accounts the sample looks at, and from how many matches among them on walking is sure to be short. */
const SAMPLE = 1_000;
const MANY_IN_SAMPLE = 40;
/** Walking so many entries costs less than gathering anybody. */
const SHORT_WALK = 3_000;
/** Pairs of characters of a long term that are looked up; the rest is compared anyway. */
const MAX_TOKENS = 40;

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

/** Whether gathering matches by their tokens is shorter than walking all names. The term is folded. */
export async function areMatchesFew(
  sql: Queryable,
  world: string,
  query: SearchQuery,
  page: SearchPage,
): Promise<boolean> {
  if (query.term === "" && query.badge === null) return false;
  const rows = await sql<{ looked: number; found: number }[]>`
    select count(*)::int as looked, count(*) filter (where ${matches(sql, query)})::int as found
    from (
      select * from search_entries where world_id = ${world} order by world_id, user_id limit ${SAMPLE}
    ) e`;
  const { looked, found } = rows[0]!;
  if (looked < SAMPLE || found > MANY_IN_SAMPLE) return false;
  return (page.offset + page.limit) * SAMPLE > found * SHORT_WALK;
}

/** The ids of a page of matches, found by walking names in their order. The term is folded. */
export async function walkMatches(
  sql: Queryable,
  world: string,
  query: SearchQuery,
  page: SearchPage,
): Promise<string[]> {
  const source = sql`search_entries e where e.world_id = ${world} and ${matches(sql, query)}`;
  return await selectPage(sql, sql``, source, page);
}

/** The same, found by tokens. */
export async function gatherMatches(
  sql: Queryable,
  world: string,
  query: SearchQuery,
  page: SearchPage,
): Promise<string[]> {
  const badge = query.badge === null ? [] : [`${world}:${MARK}${[...query.badge].slice(0, 100).join("")}`];
  const tokens = [...tokensOf(world, query.term), ...badge];
  // The text of such an account was too long to be taken apart.
  const undivided = [`${world}:${MARK}${MARK}`, ...badge];
  const isIn = (list: string[]) =>
    sql`search_tokens(e.world_id, e.name, e.more, e.badges) @> ${list}::text[]`;
  // The tokens name the world; by its column too, the planner might think of reading all of it.
  const found = sql`
    found as materialized (
      select e.world_id, e.user_id, e.name from search_entries e
      where (${isIn(tokens)} or ${isIn(undivided)}) and ${matches(sql, query)}
    ),`;
  return await selectPage(sql, found, sql`found e where e.world_id = ${world}`, page);
}

/**
 * The page, in its order. Who is active is written by every login and so stands in no index: the page is found by
 * name and id, and those with the names that are on it are then put in order.
 */
async function selectPage(
  sql: Queryable,
  found: Fragment,
  source: Fragment,
  page: SearchPage,
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    with ${found} page as materialized (
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

/** What whoever has the term has too: its pairs of characters, or the one that it is. */
function tokensOf(world: string, term: string): string[] {
  const characters = [...term];
  if (characters.length < 2) return characters.map((character) => `${world}:${character}`);
  const pairs = characters.slice(1).map((character, i) => `${world}:${characters[i]}${character}`);
  return [...new Set(pairs)].slice(0, MAX_TOKENS);
}
