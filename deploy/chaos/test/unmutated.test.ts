/** What shows the mutations (`mutated.test.ts`) shows nothing in the code as it is. */
import t from "tap";
import { mutations } from "../mutations.ts";
import { findRoot } from "../world/build.ts";
import { findBroken, startCluster } from "./scenario.ts";

t.test("the code as it is passes what shows the mutations", async (t) => {
  const cluster = await startCluster(t, findRoot());
  t.teardown(() => cluster.stop(!t.passing()));
  for (const { name, scenario } of mutations) {
    const { rules, report, succeeded } = await findBroken(cluster, { ...scenario, prefix: `${name}-` });
    t.comment(report);
    t.ok(succeeded > 50, "there was load");
    t.same([...rules], [], `passes what shows: ${name}`);
  }
});
