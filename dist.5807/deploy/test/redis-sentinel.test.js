import t from "tap";
import { testFailover, testLostFence } from "./redis-failover.js";
import { startSentinel } from "./redis-shapes.js";
import { startNodes, testEssentials } from "./redis-suite.js";
const shape = await startSentinel(t);
const nodes = await startNodes(t, shape);
t.test("all works", (t) => testEssentials(t, nodes));
t.test("a primary dies under load: nothing is lost or doubled, and fan-out is back", (t) => testFailover(t, shape, nodes));
t.test("a ban holds, although its fence was lost with the primary", (t) => testLostFence(t, shape, nodes));
//# sourceMappingURL=redis-sentinel.test.js.map