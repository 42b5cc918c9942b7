/**
 * What searches cost among many accounts: plans and times, for a test and for docs/search.md. By itself it makes a
 * world of 100,000 and prints a table: `DATABASE_URL=… npx tsx core/test/search-cost.ts`, of a database to throw away.
 */
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { createLog } from "../../shared/log.ts";
import { readSettings } from "../../shared/settings.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { findInDatabase, findPeople } from "../find-people.ts";
import { SearchedWorlds } from "../searched-worlds.ts";
import type { Queryable, Sql, Transaction } from "../sql/database.ts";
import { beginSearch, type SearchPage, selectMatches } from "../sql/user-search.ts";
import { fillSearchWorld } from "./full-worlds.ts";
import type { PlanNode } from "./plan.ts";

export const SEARCHED_WORLD = "searched";
export const SEARCHED_ACCOUNTS = 100_000;
const PAGE_SIZE = 20;
const REPEATED = 5;
const CHANGED = 20_000;

/** A kind of search, with how many accounts it is to match. */
interface Search {
  name: string;
  term: string;
  badge: string | null;
  atLeast: number;
  atMost: number;
}

const search = (
  name: string,
  term: string,
  badge: string | null,
  atLeast: number,
  atMost = atLeast,
): Search => {
  return { name, term, badge, atLeast, atMost };
};

export const searches: Search[] = [
  search("everybody", "", null, SEARCHED_ACCOUNTS),
  search("1 character of most", "a", null, 50_000, SEARCHED_ACCOUNTS),
  search("1 character of few", "ж", null, 100, 500),
  search("1 character of nobody", "☃", null, 0),
  search("2 characters of many", "er", null, 30_000, SEARCHED_ACCOUNTS),
  search("2 characters at the end of the order", "zo", null, 2_000, 20_000),
  search("2 characters of few", "жу", null, 100, 500),
  search("2 characters of nobody", "q%", null, 0),
  search("3 characters of many", "mey", null, 10_000, SEARCHED_ACCOUNTS),
  search("a name", "zoë o'neil 4267", null, 1),
  search("a field", "University of 17", null, 500, 1_000),
  search("a name of nobody", "Nobody at all", null, 0),
  search("a badge of few", "", "Speaker", 200),
  search("a badge of half of them", "", "Guest", 40_000, SEARCHED_ACCOUNTS),
  search("a badge of nobody", "", "Crew", 0),
  search("a name and a badge", "an", "Speaker", 1, 199),
];

/** A statement as it was issued. */
export interface Statement {
  text: string;
  parameters: unknown[];
}

/** A page of a search. */
export interface PageCost {
  search: Search;
  found: number;
  number: number;
  /** Best of some. */
  ms: number;
  /** With the values at hand, and for any values. */
  plans: PlanNode[];
}

/** A page that was found in memory. */
export interface MemoryCost {
  number: number;
  /** Whether the database alone gives the same page. */
  isSame: boolean;
  /** Of the longest statement, best of some; and of finding the page, with all that it waits for. */
  ms: number;
  wholeMs: number;
  plans: PlanNode[];
}

/** Has the searched world read into memory. */
export async function openSearched(sql: Sql): Promise<SearchedWorlds> {
  const { signal } = new AbortController();
  const searched = new SearchedWorlds({ sql, log: createLog("silent"), signal });
  await waitFor("entries in memory", async () => (await searched.current(SEARCHED_WORLD)) !== null, 60_000);
  return searched;
}

/** Looks at a page of a search in memory. */
export async function costInMemory(
  searching: { sql: Sql; searched: SearchedWorlds },
  issued: Statement[],
  search: Search,
  number: number,
): Promise<MemoryCost> {
  const { sql } = searching;
  const query = { term: search.term, badge: search.badge, banned: true };
  const page = pageOf(number, PAGE_SIZE);
  const expected = await findInDatabase(sql, SEARCHED_WORLD, query, page);
  let ids: string[] = [];
  let wholeMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < REPEATED; run++) {
    issued.length = 0;
    const began = performance.now();
    ids = await findPeople(searching, SEARCHED_WORLD, query, page);
    wholeMs = Math.min(wholeMs, performance.now() - began);
  }
  const explained: Awaited<ReturnType<typeof explain>>[] = [];
  for (const statement of issued.splice(0)) explained.push(await explain(sql, statement));
  const ms = Math.max(...explained.map((one) => one.ms));
  return {
    ...{ number, isSame: ids.join() === expected.join(), ms, wholeMs },
    plans: explained.flatMap((one) => one.plans),
  };
}

/**
 * Looks at the first, a middle and the last page of a search.
 *
 * @param issued what the transaction issued: emptied here
 */
export async function costOf(tx: Transaction, issued: Statement[], search: Search): Promise<PageCost[]> {
  const world = SEARCHED_WORLD;
  const query = { term: await beginSearch(tx, search.term), badge: search.badge, banned: true };
  const found = (await selectMatches(tx, world, query, pageOf(1, SEARCHED_ACCOUNTS))).length;
  const last = Math.max(1, Math.ceil(found / PAGE_SIZE));
  const costs: PageCost[] = [];
  for (const number of new Set([1, Math.ceil(last / 2), last])) {
    const page = pageOf(number, PAGE_SIZE);
    issued.length = 0;
    await selectMatches(tx, world, query, page);
    const statements = issued.splice(0);
    const explained = await Promise.all(statements.map((statement) => explain(tx, statement)));
    const ms = explained.reduce((sum, one) => sum + one.ms, 0);
    costs.push({ search, found, number, ms, plans: explained.flatMap((one) => one.plans) });
  }
  return costs;
}

async function explain(tx: Queryable, { text, parameters }: Statement) {
  const read = async (options: string, values: unknown[]) => {
    const rows = await tx.unsafe(`explain (${options}, format json) ${text}`, values as never[]);
    return rows[0]!["QUERY PLAN"][0] as { Plan: PlanNode; "Execution Time": number };
  };
  const anyValues = await read("generic_plan", []);
  const runs: Awaited<ReturnType<typeof read>>[] = [];
  while (runs.length < REPEATED) runs.push(await read("analyze, timing off", parameters));
  return {
    ms: Math.min(...runs.map((run) => run["Execution Time"])),
    plans: [runs[0]!.Plan, anyValues.Plan],
  };
}

function pageOf(number: number, size: number): SearchPage {
  return { offset: (number - 1) * size, limit: size + 1, activeSince: Date.now() - 129_600_000 };
}

async function main(): Promise<void> {
  // biome-ignore lint/style/noProcessEnv: run by itself, this file is a main program
  const { DATABASE_URL } = readSettings(process.env, ["DATABASE_URL"]);
  const issued: Statement[] = [];
  const debug = (_connection: number, text: string, parameters: unknown[]) => {
    issued.push({ text: text.trim(), parameters });
  };
  const sql = postgres(DATABASE_URL, { max: 1, debug });
  await fillSearchWorld(sql, SEARCHED_WORLD, SEARCHED_ACCOUNTS);
  const searched = await openSearched(sql);
  await printTable(sql, searched, issued);
  await changeMany(sql);
  const began = performance.now();
  await searched.current(SEARCHED_WORLD);
  const knownAfter = (performance.now() - began).toFixed(0);
  process.stdout.write(`\nright after ${CHANGED} changed their names, known after ${knownAfter} ms:\n\n`);
  await printTable(sql, searched, issued);
  await sql.end();
}

async function printTable(sql: Sql, searched: SearchedWorlds, issued: Statement[]): Promise<void> {
  for (const one of searches) {
    const costs = await sql.begin((tx) => costOf(tx, issued, one));
    for (const { search, found, number, ms } of costs) {
      const memory = await costInMemory({ sql, searched }, issued, search, number);
      const times = [memory.ms, memory.wholeMs, ms].map((each) => each.toFixed(1)).join(" | ");
      process.stdout.write(`| ${search.name} | ${found} | ${number} | ${times} |\n`);
    }
  }
}

/** Renames a fifth, some of them to one name; no vacuum comes after. */
async function changeMany(sql: Sql): Promise<void> {
  await sql`alter table search_entries set (autovacuum_enabled = off)`;
  await sql`
    update users set version = version + 1, profile = profile || jsonb_build_object('display_name',
      case when id::text < '04' then 'Ann Meyer' else profile ->> 'display_name' || ' jr' end)
    where id in (select id from users where world_id = ${SEARCHED_WORLD} order by id limit ${CHANGED})`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
