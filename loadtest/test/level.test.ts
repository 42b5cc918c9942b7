import t from "tap";
import { Curves, type Kind, kinds, LEAST_SECONDS } from "../soak/curves.ts";
import { judge, type Point } from "../soak/level.ts";
import { renderPage } from "../soak/page.ts";

const SECONDS = 600;

/** A curve of ten minutes. */
function draw(value: (at: number) => number): Point[] {
  return Array.from({ length: SECONDS / 5 + 1 }, (_, i) => ({ at: i * 5, value: value(i * 5) }));
}

/** Made-up noise between -1 and 1, the same each time. */
const noise = (at: number) => Math.sin(at * 12.9898) * Math.cos(at * 78.233);

const { allowance } = kinds.rss;
const levels = (value: (at: number) => number) => judge(draw(value), allowance!).levels;

t.test("curves that level off", async (t) => {
  t.ok(
    levels(() => 100),
    "flat",
  );
  t.ok(
    levels((at) => 100 + 15 * noise(at)),
    "noise",
  );
  t.ok(
    levels((at) => 60 + 50 * (1 - Math.exp(-at / 60))),
    "warming up",
  );
  t.ok(
    levels((at) => 100 + (at % 60) / 2),
    "a garbage collector's saw teeth",
  );
  t.ok(
    levels((at) => (at > 560 && at < 590 ? 300 : 100)),
    "a peak near the end",
  );
  t.ok(
    levels((at) => 150 - at / 20),
    "falling",
  );
});

t.test("curves that do not", async (t) => {
  t.notOk(
    levels((at) => 100 + at / 10),
    "6 MB a minute",
  );
  t.notOk(
    levels((at) => 100 + at / 10 + 10 * noise(at)),
    "under noise",
  );
  t.notOk(
    levels((at) => 100 + at / 10 + (at % 60) / 2),
    "under saw teeth",
  );
  t.notOk(
    levels((at) => 100 * 1.002 ** at),
    "ever faster",
  );
  t.notOk(
    levels((at) => (at < 300 ? 100 : 100 + (at - 300) / 8)),
    "only late",
  );
});

t.test("handles that are never closed, keys that are never removed", async (t) => {
  for (const [kind, from, to] of [
    ["handles", 40, 70],
    ["redis keys", 100, 220],
    ["redis stream", 0, 200],
    ["threads", 11, 15],
  ] as [Kind, number, number][]) {
    const rising = draw((at) => Math.round(from + ((to - from) * at) / SECONDS));
    t.notOk(judge(rising, kinds[kind].allowance!).levels, kind);
    t.ok(
      judge(
        draw((at) => Math.round(to + noise(at))),
        kinds[kind].allowance!,
      ).levels,
      kind,
    );
  }
});

t.test("a report judges what it can, and names and shows what rises", async (t) => {
  const curves = new Curves();
  for (const { at, value } of draw((at) => 100 + at)) curves.add("rss", "gateway <1>", at, value);
  for (const { at, value } of draw((at) => at)) curves.add("table", "users", at, value);
  for (const { at, value } of draw((at) => at)) curves.add("redis stream", "fences", at, value);
  const judged = curves.judged(SECONDS);
  t.same(
    judged.map(({ level }) => level?.levels),
    [false, undefined, true],
    "a table may grow, and what keeps the last ten thousand too",
  );
  t.same(
    curves.judged(LEAST_SECONDS - 1).map(({ level }) => level?.levels),
    [undefined, undefined, true],
  );
  const page = renderPage("soak", judged, ["it rose"]);
  t.match(page, /<figure class="leaks"><figcaption>gateway &#60;1&#62; /);
  t.equal(page.match(/<polyline/g)?.length, 3);
  t.notMatch(page, /<script|src=|href=/);
});

t.test("nothing sampled is no leak", async (t) => {
  t.ok(judge([], allowance!).levels);
  t.ok(judge([{ at: 0, value: 5 }], allowance!).levels);
});
