/**
 * Writes docs/asyncapi.json from the tables of the protocol, or says whether it is up to date.
 * Usage: npm run asyncapi, npm run check:protocol
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { buildAsyncApi } from "../shared/protocol/asyncapi.ts";

const file = new URL("../docs/asyncapi.json", import.meta.url);
const project = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const text = `${JSON.stringify(buildAsyncApi(project.version), null, 2)}\n`;

const { values } = parseArgs({ options: { check: { type: "boolean" } } });
if (!values.check) {
  writeFileSync(file, text);
} else if (readFileSync(file, "utf8") !== text) {
  process.stderr.write("docs/asyncapi.json is not what the tables say. Run: npm run asyncapi\n");
  process.exitCode = 1;
}
