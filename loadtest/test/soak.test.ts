/** A minute of soak against a cluster of its own: all that it does succeeds, and the report has what it should. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { runProgram } from "../../shared/testing/run-program.ts";

t.test("soak, for a moment", async (t) => {
  const report = mkdtempSync(join(tmpdir(), "foyer-soak-"));
  t.teardown(() => rmSync(report, { recursive: true }));
  const args = ["soak", "--minutes", "0.5", "--report", report];
  const { code, written } = await runProgram("loadtest/main.js", args);
  t.equal(code, 0, written);
  const { curves, commands, logins, bans, imports, broken } = JSON.parse(
    readFileSync(join(report, "soak.json"), "utf8"),
  );
  t.same(broken, []);
  for (const count of [commands, logins, bans, imports]) t.ok(count > 0);
  const names = (curves as { kind: string; of: string }[]).map(({ kind, of }) => `${kind} ${of}`);
  for (const name of [
    ...["gateway 1", "worker 2", "redis"].flatMap((of) => [`rss ${of}`, `handles ${of}`, `threads ${of}`]),
    ...["heap worker 1", "connections gateway 1", "redis keys all", "redis memory data"],
    ...["redis stream commands", "redis stream fences", "table users", "latency p99"],
  ]) {
    t.ok(names.includes(name), name);
  }
  // A value that is no number is null in JSON, which is not less than 0 either.
  const isValue = ({ value }: { value: unknown }) => typeof value === "number" && value >= 0;
  for (const { kind, of, points } of curves as { kind: string; of: string; points: { value: unknown }[] }[])
    t.ok(points.every(isValue), `${kind} ${of}`);
  t.match(readFileSync(join(report, "soak.html"), "utf8"), /<polyline/);
});
