/**
 * Writes the files that are made from tables in the code, or says which are not up to date.
 * Usage: npm run generate, npm run check:generated
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeLogs } from "../shared/log-events.ts";
import { buildAsyncApi } from "../shared/protocol/asyncapi.ts";
import { withSettingsTable } from "../shared/settings-table.ts";
import { dashboardJson } from "./grafana/dashboard.ts";
import { dashboards } from "./grafana/dashboards.ts";
import { prometheusRule, ruleFile } from "./prometheus/rule-files.ts";

const root = new URL("../", import.meta.url);
const project = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));

/** By path from the root of the project. */
const files = new Map([
  ["docs/asyncapi.json", `${JSON.stringify(buildAsyncApi(project.version), null, 2)}\n`],
  ["docs/logs.md", describeLogs()],
  ["docs/operations.md", withSettingsTable(readFileSync(new URL("docs/operations.md", root), "utf8"))],
  ["deploy/prometheus/foyer-alerts.yaml", ruleFile()],
  ["deploy/prometheus/prometheus-rule.yaml", prometheusRule()],
  ...dashboards.map((dashboard): [string, string] => [
    `deploy/grafana/${dashboard.uid}.json`,
    dashboardJson(dashboard),
  ]),
]);

const { values } = parseArgs({ options: { check: { type: "boolean" } } });
for (const [path, text] of files) {
  const file = new URL(path, root);
  if (!values.check) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
    process.stderr.write(`${path} is not what the tables say. Run: npm run generate\n`);
    process.exitCode = 1;
  }
}
