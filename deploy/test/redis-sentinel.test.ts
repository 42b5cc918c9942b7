import t from "tap";
import { startSentinel } from "./redis-shapes.ts";
import { startNodes, testEssentials } from "./redis-suite.ts";

t.test("essentials", async (t) => {
  const shape = await startSentinel(t);
  const nodes = await startNodes(t, shape);
  await testEssentials(t, nodes);
});
