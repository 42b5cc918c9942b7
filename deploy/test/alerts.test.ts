/** The alerts, judged by Prometheus' own tool; and their runbook. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { stringify } from "yaml";
import { logEvents } from "../../shared/log-events.ts";
import { settingRows } from "../../shared/settings.ts";
import { runFoyer } from "../../shared/testing/cluster.ts";
import { dashboards } from "../grafana/dashboards.ts";
import { canRun } from "../local/fetch-redis.ts";
import { alerts, runbook } from "../prometheus/alerts.ts";
import { ruleFile } from "../prometheus/rule-files.ts";
import { type AlertCase, alertCases } from "./alert-cases.ts";

const run = promisify(execFile);
const runbookText = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");

t.test("every alert has a case in which it fires, and one in which it does not", async (t) => {
  for (const wanted of [true, false]) {
    const covered = new Set(alertCases.filter(({ fires }) => fires === wanted).map(({ alert }) => alert));
    t.strictSame([...covered].sort(), alerts.map(({ name }) => name).sort());
  }
});

t.test("every alert has a section in the runbook, where its link leads, and no other has one", async (t) => {
  const headings = [...runbookText.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!);
  t.strictSame(
    headings,
    alerts.map(({ name }) => name),
  );
  t.strictSame(
    headings.map((heading) => `docs/runbook.md#${heading.toLowerCase()}`),
    alerts.map(({ name }) => runbook(name)),
  );
  for (const { name, severity } of alerts) {
    t.ok(runbookText.includes(`## ${name}\n\n**${severity}.**`), `${name} says whom it wakes`);
  }
});

t.test("every section of the runbook says the same four things, in the same order", async (t) => {
  for (const section of runbookText.split(/^## /m).slice(1)) {
    const [name] = section.split("\n");
    const parts = [...section.matchAll(/^\*\*(\w+):\*\*/gm)].map(([, part]) => part);
    t.strictSame(parts, ["Attendees", "Confirm", "Do", "Over"], name ?? "");
  }
});

t.test("what the runbook tells to look at and to call exists", async (t) => {
  const text = runbookText.replaceAll(/\s+/g, " ");
  const panels = new Set(
    dashboards.flatMap(({ title, rows }) =>
      rows.flatMap((row) => row.panels.map((panel) => `${title.replace("Foyer: ", "")} › ${panel.title}`)),
    ),
  );
  const named = [...text.matchAll(/"(\w+ › [^"]+)"/g)].map(([, panel]) => panel!);
  t.ok(named.length > alerts.length);
  t.strictSame(
    named.filter((panel) => !panels.has(panel)),
    [],
    "panels",
  );
  const expressions = [
    ...alerts.map(({ expr }) => expr),
    ...dashboards
      .flatMap(({ rows }) => rows.flatMap((row) => row.panels.flatMap(({ queries }) => queries)))
      .map(({ expr }) => expr),
  ].join("\n");
  // That these exist `dashboards.test.ts` knows.
  const metrics = [...text.matchAll(/`((?:foyer|nodejs)_\w+)`/g)].map(([, metric]) => metric!);
  t.strictSame(
    metrics.filter((metric) => !expressions.includes(metric)),
    [],
    "metrics",
  );
  const settings = [...text.matchAll(/\bFOYER_\w+/g)].map(([setting]) => setting);
  t.strictSame(
    settings.filter((setting) => !Object.hasOwn(settingRows, setting)),
    [],
    "settings",
  );
  // In code marks stand events, which are some words, and what begins with a program.
  const spans = [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => span!);
  const isPhrase = (span: string) => /^[a-z,:]+( [a-z,:]+)+$/i.test(span);
  const events = spans.filter((span) => isPhrase(span) && !/^(foyer|kubectl|npm) /.test(span));
  t.ok(events.length > 5);
  t.strictSame(
    events.filter((event) => !Object.hasOwn(logEvents, event)),
    [],
    "log events",
  );
  const commands = new Set(
    [...text.matchAll(/`foyer ([a-z]+(?: [a-z]+)?)/g)].map(([, command]) => command!.trim()),
  );
  for (const command of commands) {
    t.match(await runFoyer([...command.split(" "), "--help"], {}), `Usage: foyer ${command}`);
  }
});

const skip = (await canRun("promtool")) ? false : "promtool is not installed (package prometheus)";

t.test("Prometheus' own tool finds that they fire when they should", { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "foyer-alerts-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, "alerts.yaml"), ruleFile());
  const tests = {
    rule_files: ["alerts.yaml"],
    evaluation_interval: "15s",
    tests: alertCases.map(promtoolTest),
  };
  const file = join(dir, "cases.yaml");
  writeFileSync(file, stringify(tests));
  const checked = await run("promtool", ["check", "rules", join(dir, "alerts.yaml")]);
  t.match(checked.stdout, `${alerts.length} rules found`);
  const judged = await run("promtool", ["test", "rules", file]).catch(
    (error: Error & { stderr: string }) => error,
  );
  t.equal(judged instanceof Error ? judged.stderr : "", "", "every case as it says");
});

function promtoolTest({ alert, series, at, fires }: AlertCase) {
  const { severity } = alerts.find(({ name }) => name === alert)!;
  return {
    interval: "15s",
    name: `${alert} ${fires ? "fires" : "does not fire"}`,
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    // Its labels and texts are its series' own; that it is there is what counts.
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}", alertstate="firing", severity="${severity}"})`,
        eval_time: at,
        exp_samples: fires ? [{ labels: "{}", value: 1 }] : [],
      },
    ],
  };
}
