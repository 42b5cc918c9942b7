import t from "tap";
import { type Asker, Load } from "../load.ts";

const TIMEOUT_MS = 10_000;
const TICK_MS = 100;

/** A gateway's queue over time: so many come and are answered a second. @returns what waits at the end */
function simulate(load: Load) {
  let now = 0;
  let waiting = 0;
  let answered = 0;
  const refused: Record<string, number> = {};
  return {
    waiting: () => waiting,
    refused: () => refused,
    /** `offered` of one kind and at most `served` a second, for `seconds`. */
    run(seconds: number, offered: number, served: number, asker: Asker = "busy") {
      for (let tick = 0; tick < (seconds * 1000) / TICK_MS; tick++) {
        now += TICK_MS;
        for (let i = 0; i < (offered * TICK_MS) / 1000; i++) {
          if (load.admits(asker, waiting)) waiting++;
          else refused[asker] = (refused[asker] ?? 0) + 1;
        }
        const done = Math.min(waiting, (served * TICK_MS) / 1000);
        waiting -= done;
        answered += done;
        load.tick(now, { waiting, answered });
      }
    },
  };
}

t.test(
  "twice what is served: the queue stays below half a second, and all that is served is used",
  async (t) => {
    const load = new Load(TIMEOUT_MS, 0);
    const queue = simulate(load);
    queue.run(10, 2_000, 1_000);
    t.ok(load.isOverloaded);
    t.ok(queue.waiting() <= 500, `${queue.waiting()} wait, at 1,000 a second`);
    t.ok(queue.waiting() >= 100, "the workers never run dry");
  },
);

t.test("as much as is served is no overload, and neither is a rush", async (t) => {
  const load = new Load(TIMEOUT_MS, 0);
  const queue = simulate(load);
  queue.run(10, 950, 1_000);
  queue.run(0.1, 7_000, 1_000);
  queue.run(5, 500, 1_000);
  t.same(queue.refused(), {});
});

t.test("workers that stand still are no overload, nor what they catch up with", async (t) => {
  const load = new Load(TIMEOUT_MS, 0);
  const queue = simulate(load);
  queue.run(5, 500, 2_000);
  queue.run(4, 500, 0);
  queue.run(2, 500, 2_000);
  t.same(queue.refused(), {});
  t.equal(queue.waiting(), 0);
});

t.test("once the load goes, all is let in at once", async (t) => {
  const load = new Load(TIMEOUT_MS, 0);
  const queue = simulate(load);
  queue.run(10, 2_000, 1_000);
  const before = queue.refused().busy;
  queue.run(1, 100, 1_000);
  t.equal(queue.refused().busy, before);
  queue.run(2, 100, 1_000);
  t.notOk(load.isOverloaded);
});

t.test("a ban is let in where others are not, but not without end", async (t) => {
  const load = new Load(TIMEOUT_MS, 0);
  const queue = simulate(load);
  queue.run(10, 2_000, 1_000);
  t.notOk(load.admits("busy", 400));
  t.ok(load.admits("idle", 1_200));
  t.notOk(load.admits("idle", 1_700));
  t.ok(load.admits("urgent", 1_700));
  t.notOk(load.admits("urgent", 4_000));
});

t.test("a few are let in however slow it goes", async (t) => {
  const load = new Load(TIMEOUT_MS, 0);
  const queue = simulate(load);
  queue.run(10, 200, 10);
  t.ok(load.isOverloaded);
  t.ok(load.admits("busy", 63));
  t.notOk(load.admits("busy", 64));
});

t.test("many who come at once, each with one thing, are no overload while they are answered", async (t) => {
  const load = new Load(TIMEOUT_MS, 0);
  const queue = simulate(load);
  queue.run(20, 10, 1_000, "idle");
  queue.run(0.1, 10_000, 1_000, "urgent");
  queue.run(3, 100, 1_000, "idle");
  t.same(queue.refused(), {});
});
