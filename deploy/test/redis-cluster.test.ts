import t from "tap";
import { startCluster } from "./redis-shapes.ts";
import { startNodes, testEssentials } from "./redis-suite.ts";

t.test("essentials", async (t) => {
  const shape = await startCluster(t);
  const nodes = await startNodes(t, shape);
  await testEssentials(t, nodes);
});
