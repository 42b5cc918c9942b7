import t from "tap";
import { chance, largestShare, unevenness } from "../rollout/evenness.ts";

const even = Array.from({ length: 100 }, (_, i) => (i + 0.5) * 10);

t.test("distance from evenness", async (t) => {
  t.ok(unevenness(even, 1_000) <= 0.006);
  t.equal(
    unevenness(
      even.map(() => 0),
      1_000,
    ),
    1,
    "all at once at the beginning",
  );
  t.equal(
    unevenness(
      even.map(() => 2_000),
      1_000,
    ),
    1,
    "all late",
  );
  const half = unevenness(
    even.map((moment) => moment / 2),
    1_000,
  );
  t.ok(half > 0.49 && half < 0.51, "all in the first half");
  t.equal(unevenness([], 1_000), 0);
});

t.test("the largest share", async (t) => {
  t.equal(largestShare(even, 1_000, 10), 0.1);
  t.equal(largestShare([1, 2, 999, -5, 5_000], 1_000, 10), 0.6);
  t.equal(largestShare([], 1_000, 10), 0);
});

t.test("chance is within its bound", async (t) => {
  for (let run = 0; run < 200; run++) {
    const moments = Array.from({ length: 150 }, () => Math.random());
    t.ok(unevenness(moments, 1) <= chance(150));
  }
});
