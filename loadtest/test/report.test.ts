import t from "tap";
import { alignTable, createHistogram, formatReport, median, summarize } from "../report.ts";

t.test("median", async (t) => {
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([4, 1, 2, 3]), 2.5);
});

t.test("summarize gives ms", async (t) => {
  const histogram = createHistogram();
  for (let ms = 1; ms <= 100; ms++) histogram.recordValue(ms * 1000);
  t.match(summarize(histogram), { count: 100, p50: 50.02, p95: 95.04 });
  t.same(summarize(createHistogram()), { count: 0, p50: 0, p95: 0, p99: 0, max: 0 });
});

t.test("a report is an aligned table, or JSON, and says what was broken", async (t) => {
  t.strictSame(
    alignTable(
      ["", "n"],
      [
        ["long name", 1],
        ["x", 1000],
      ],
    ),
    ["              n", "long name     1", "x          1000"],
  );
  const report = {
    scenario: "s",
    columns: ["", "n"],
    rows: [["a", 1]],
    figures: { n: 1 },
    broken: [] as string[],
  };
  t.match(formatReport(report, false), /^s:\n {3}n\na {2}1\n\nall promises kept\n$/);
  report.broken.push("one was lost");
  t.match(formatReport(report, false), /BROKEN: one was lost/);
  t.strictSame(JSON.parse(formatReport(report, true)), {
    scenario: "s",
    ok: false,
    n: 1,
    broken: ["one was lost"],
  });
});
