/** What shows the mutations (`mutated.test.ts`) shows nothing in the code as it is. */
import t from "tap";
import { mutations } from "../mutations.ts";
import { findRoot } from "../world/build.ts";
import { findBroken, startCluster } from "./scenario.ts";

t.test("the code as it is passes what shows the mutations", async (t) => {
  const cluster = await startCluster(t, findRoot());
  for (const { name, scenario } of mutations) {
    const broken = await findBroken(t, cluster, { ...scenario, prefix: `${name}-` });
    t.same([...broken], [], `passes what shows: ${name}`);
  }
});
