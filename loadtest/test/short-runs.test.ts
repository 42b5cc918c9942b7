/** The short variant of every scenario: what they promise has to hold. Those that leave a cluster as it is share one. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { runProgram } from "../../shared/testing/run-program.ts";

const run = (...args: string[]) => runProgram("loadtest/main.js", args);

const suite = ["fetch", "login-storm", "idle", "commands", "fanout", "flood", "conference"];

t.test(`${suite.join(", ")} keep their promises, and leave results`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "foyer-load-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const { code, written } = await run("suite", ...suite, "--out", folder);
  t.equal(code, 0, written);
  t.equal(written.match(/all promises kept/g)?.length, suite.length);

  const result = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
  const kinds = (name: string) =>
    new Set(result(name).points.flatMap(({ snapshot }: { snapshot: object }) => Object.keys(snapshot)));
  t.ok(result("fetch").figures.ratio > 0);
  t.equal(result("login-storm").figures.loggedIn, 300);
  t.strictSame(kinds("fanout"), new Set(["connect", "join", "update", "delivery"]));
  t.ok(result("flood").figures.held >= 0);
  const morning = kinds("conference");
  for (const kind of ["join", "ping", "fetch", "ban", "come back"]) t.ok(morning.has(kind), kind);
  const { processes, queue } = result("conference").watched;
  for (const name of ["gateway 1", "worker 2", "redis"]) t.ok(processes[name].length > 0, name);
  t.ok(queue.length > 0);

  const file = (name: string) => join(folder, name);
  const merged = await run(
    "merge",
    file("commands.json"),
    file("commands.json"),
    "--html",
    file("page.html"),
  );
  t.equal(merged.code, 0, merged.written);
  const twice = 2 * result("commands").figures.sent;
  t.match(readFileSync(file("page.html"), "utf8"), /<polyline class="c0"/);
  const { rows } = await readTable(merged.written);
  const sum = rows.filter(([kind]) => /fetch|update|search/.test(kind!)).map(([, count]) => Number(count));
  t.equal(
    sum.reduce((all, each) => all + each, 0),
    twice,
    "merging adds up",
  );
  const compared = await run("merge", file("fetch.json"), "--compare", file("fetch.json"));
  t.match(compared.written, /fetch, p99 ms .* \+0 %/);
});

/** Cells of what was printed. */
async function readTable(written: string) {
  return { rows: written.split("\n").map((line) => line.trim().split(/\s{2,}/)) };
}

for (const args of [["updates"], ["updates", "--kill-worker-at", "1"], ["overload"]]) {
  t.test(`${args.join(" ")} keeps its promises`, async (t) => {
    const { code, written } = await run(...args, "--short");
    t.equal(code, 0, written);
    t.match(written, "all promises kept");
  });
}
