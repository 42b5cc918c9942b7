/** Searching 100,000 accounts reads through no table, whatever the term, the badge and the page. */
import postgres from "postgres";
import t from "tap";
import { createTestStores } from "../../shared/testing/stores.ts";
import type { Sql } from "../sql/database.ts";
import { fillSearchWorld } from "./full-worlds.ts";
import type { PlanNode } from "./plan.ts";
import {
  costInMemory,
  costOf,
  openSearched,
  SEARCHED_ACCOUNTS,
  SEARCHED_WORLD,
  type Statement,
  searches,
} from "./search-cost.ts";

/** Tables that a plan reads through, and indexes that it reads from one end to the other. */
function readsThrough(plan: PlanNode): string[] {
  const below = (plan.Plans ?? []).flatMap(readsThrough);
  const { "Node Type": type, "Relation Name": table, "Index Name": index, "Index Cond": condition } = plan;
  if (type === "Seq Scan") return [`Seq Scan on ${table}`, ...below];
  return type.includes("Index") && condition === undefined ? [`${type} on all of ${index}`, ...below] : below;
}

t.test("a search", async (t) => {
  const { databaseUrl } = await createTestStores(t);
  const issued: Statement[] = [];
  const debug = (_connection: number, text: string, parameters: unknown[]) => {
    issued.push({ text: text.trim(), parameters });
  };
  const sql: Sql = postgres(databaseUrl, { max: 1, debug });
  t.teardown(() => sql.end());
  await fillSearchWorld(sql, SEARCHED_WORLD, SEARCHED_ACCOUNTS);
  const searched = await openSearched(sql);

  for (const search of searches) {
    t.test(`for ${search.name} reads through no table`, async (t) => {
      const costs = await sql.begin((tx) => costOf(tx, issued, search));
      for (const { found, number, plans } of costs) {
        t.ok(found >= search.atLeast && found <= search.atMost, `${found} match`);
        t.same(plans.flatMap(readsThrough), [], `page ${number}`);
        const memory = await costInMemory({ sql, searched }, issued, search, number);
        t.ok(memory.isSame, `page ${number} is the same in memory`);
        t.same(memory.plans.flatMap(readsThrough), [], `page ${number}, in memory`);
      }
    });
  }
});
