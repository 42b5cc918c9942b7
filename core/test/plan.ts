/** What a query plan reads, for tests that no statement grows with the number of accounts. */

/** A node of `explain (format json)`, as far as it matters here. */
export interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  Plans?: PlanNode[];
}

/** Tables that grow with the accounts; a world has few rooms, and a cluster few worlds. */
const growing = [
  "users",
  "world_grants",
  "room_grants",
  "invites",
  "command_log",
  "audit_log",
  "social_accounts",
  "blocks",
  "tie_positions",
  "search_entries",
  "search_gone",
];

/** `(world_id = $1)`, `(world_id = 'w'::text)`, `(world_id = u.world_id)`. */
const worldAlone = /^\(world_id = [^()]+\)$/;

/** The nodes that read all of a growing table, or all that it has of a world; each as a text. */
export function readsTooMuch(plan: PlanNode, parent = ""): string[] {
  const { "Node Type": type, "Relation Name": table = "", "Index Name": index = "" } = plan;
  const condition = plan["Index Cond"] ?? "";
  const found = (plan.Plans ?? []).flatMap((child) => readsTooMuch(child, type));
  if (type === "Seq Scan" && growing.includes(table)) found.push(`Seq Scan on ${table}`);
  // Without a condition, an index is read from one end; a limit right above stops that.
  const isWide = condition === "" ? parent !== "Limit" : worldAlone.test(condition);
  if (type.includes("Index") && isWide && growing.some((name) => index.startsWith(`${name}_`))) {
    found.push(`${type} on ${index} by ${condition || "nothing"}`);
  }
  return found;
}
