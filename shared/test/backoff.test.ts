/** Backoff: how waits grow, and that a stop signal ends them. */
import { getEventListeners } from "node:events";
import t from "tap";
import { backoffMs, nextTurn, pause, untilTurnMs } from "../backoff.ts";

t.test("waits double from the first one up to the cap", async (t) => {
  const longest = (attempt: number) => backoffMs(attempt, 50, 1_000, 1);
  t.same([0, 1, 2, 3, 4, 5, 6].map(longest), [50, 100, 200, 400, 800, 1_000, 1_000]);
});

t.test(
  "a wait is at least half of the longest one, so that nodes spread and none comes at once",
  async (t) => {
    t.equal(backoffMs(2, 50, 1_000, 0), 100);
    t.equal(backoffMs(2, 50, 1_000, 0.5), 150);
    for (let attempt = 0; attempt < 100; attempt++) {
      const ms = backoffMs(attempt, 50, 1_000);
      t.ok(ms >= Math.min(1_000, 50 * 2 ** attempt) / 2 && ms <= 1_000, `attempt ${attempt}`);
    }
  },
);

t.test("a wait is a whole number, also after any number of failures", async (t) => {
  for (const attempt of [0, 31, 1_000, 1e9]) {
    t.ok(Number.isInteger(backoffMs(attempt, 7, 1_000, 0.123)), `attempt ${attempt}`);
  }
});

t.test("a pause ends when its signal aborts, and leaves nothing behind", async (t) => {
  const stop = new AbortController();
  const paused = pause(2 ** 31 - 1, stop.signal);
  stop.abort();
  await paused;
  await pause(2 ** 31 - 1, stop.signal);
  t.same(getEventListeners(stop.signal, "abort"), []);
});

t.test("a pause that ran out lets go of its signal", async (t) => {
  const { signal } = new AbortController();
  await pause(0, signal);
  t.same(getEventListeners(signal, "abort"), []);
});

t.test("turns of the same length, and longer ones with them, come at the same moment", async (t) => {
  const turn = (everyMs: number, nowMs: number) => nowMs + untilTurnMs(everyMs, nowMs);
  for (const now of [0, 1, 20, 35]) t.equal(turn(40, now), 40, `at ${now} ms`);
  for (const now of [41, 60, 70]) t.equal(turn(40, now), turn(80, now), `at ${now} ms`);
});

t.test("a turn is not come twice, however early its timer, and none is left out, however late", async (t) => {
  t.equal(untilTurnMs(50, 50 - 4), 54, "the timer of the first turn was early");
  t.equal(untilTurnMs(50, 49.999), 51, "as if it had been on time");
  t.equal(untilTurnMs(50, 50 + 44), 6, "it was late");
});

t.test("a turn ends when its signal aborts", async (t) => {
  const stop = new AbortController();
  const waiting = nextTurn(2 ** 31 - 1, stop.signal);
  stop.abort();
  await waiting;
  await nextTurn(1, new AbortController().signal);
  t.same(getEventListeners(stop.signal, "abort"), []);
});
