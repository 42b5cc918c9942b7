import t from "tap";
import { RateLimit } from "../rate-limit.js";
t.test("so many at once, then so many a second", async (t) => {
    const limit = new RateLimit(10, 3, 0);
    t.same([limit.take(0), limit.take(0), limit.take(0)], [0, 0, 0]);
    t.equal(limit.take(0), 100, "ms until there is one");
    t.equal(limit.take(50), 50);
    t.equal(limit.take(100), 0);
    t.equal(limit.take(100), 100);
});
t.test("what is not used is not saved beyond the burst", async (t) => {
    const limit = new RateLimit(10, 2, 0);
    t.same([limit.take(60_000), limit.take(60_000), limit.take(60_000)], [0, 0, 100]);
});
t.test("0 is no limit", async (t) => {
    const limit = new RateLimit(0, 1, 0);
    t.same([limit.take(0), limit.take(0), limit.take(0)], [0, 0, 0]);
});
t.test("one may count as several, but never as more than fit in", async (t) => {
    const limit = new RateLimit(10, 3, 0);
    t.equal(limit.take(0, 2), 0);
    t.equal(limit.take(0, 2), 100, "ms until there are two");
    t.equal(limit.take(200, 50), 0, "all that fit in");
    t.equal(limit.take(200), 100);
});
//# sourceMappingURL=rate-limit.test.js.map