import t from "tap";
import { startSingle } from "./redis-shapes.ts";
import { startNodes, testEssentials } from "./redis-suite.ts";

t.test("essentials", async (t) => {
  const shape = await startSingle(t);
  const nodes = await startNodes(t, shape);
  await testEssentials(t, nodes);
});
