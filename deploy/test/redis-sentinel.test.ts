import t from "tap";
import { testFailover, testLostFence } from "./redis-failover.ts";
import { startSentinel } from "./redis-shapes.ts";
import { startNodes, testEssentials } from "./redis-suite.ts";

const shape = await startSentinel(t);
const nodes = await startNodes(t, shape);

t.test("all works", (t) => testEssentials(t, nodes));

t.test("a primary dies under load: nothing is lost or doubled, and fan-out is back", (t) =>
  testFailover(t, shape, nodes),
);

t.test("a ban holds, although its fence was lost with the primary", (t) => testLostFence(t, shape, nodes));
