/** What is known of another server's clock. */
import t from "tap";
import { ServerClock } from "../server-clock.ts";

t.test("an answer that took long makes nothing later than one that was quick", async (t) => {
  const clock = new ServerClock();
  t.equal(clock.at(0), Number.POSITIVE_INFINITY, "nothing is known");
  clock.heard(1_007_000, 0);
  t.equal(clock.at(10), 1_007_010, "it may have been asked 7 s before");
  clock.heard(1_000_101, 100);
  clock.heard(1_005_200, 200);
  t.equal(clock.at(300), 1_000_301);
});

t.test("a clock that goes slower than ours is followed, one that was set is forgotten", async (t) => {
  const clock = new ServerClock();
  for (let now = 0; now <= 300_000; now += 1_000) clock.heard(1_000_000 + now * 0.9999, now);
  t.ok(Math.abs(clock.at(300_000) - 1_299_970) < 10, String(clock.at(300_000)));
  for (let now = 300_000; now <= 600_000; now += 1_000)
    clock.heard(1_299_970 + (now - 300_000) * 1.0001, now);
  t.ok(Math.abs(clock.at(600_000) - 1_600_000) < 10, String(clock.at(600_000)));
  clock.forget();
  clock.heard(5, 600_000);
  t.equal(clock.at(600_001), 6);
});
