/** The findings of the bench: kept as JSON, shown as a table in docs/performance.md between two marks. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeMachine } from "../../loadtest/result.ts";
import { type Finding, rows, verdictOf } from "./rows.ts";

/** A finding, when and where it was made. */
interface Kept extends Finding {
  /** Day, ISO 8601. */
  at: string;
  machine: string;
}

/** All of them, by row; a run of some rows leaves the others as they are. */
export type Findings = Record<string, Kept>;

const BEGIN = "<!-- measured: written by npm run bench -->";
const END = "<!-- end of measured -->";

/** Puts findings into the file of all, and the table into the document. @param root the checkout */
export function keep(root: string, found: Record<string, Finding>): void {
  const file = join(root, "deploy", "bench", "findings.json");
  const all: Findings = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const { processors, model, memoryGb, node, system } = describeMachine();
  const machine = `${processors} processors (${model}), ${memoryGb} GB, ${system}, Node ${node}`;
  const at = new Date().toISOString().slice(0, 10);
  for (const [id, finding] of Object.entries(found)) all[id] = { ...finding, at, machine };
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
  const document = join(root, "docs", "performance.md");
  writeFileSync(document, withTable(readFileSync(document, "utf8"), all));
}

/** The document with this table between its marks. @throws Error where the marks are missing */
function withTable(document: string, findings: Findings): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no "${BEGIN}" … "${END}"`);
  return `${document.slice(0, from + BEGIN.length)}\n${tableOf(findings)}\n${document.slice(to)}`;
}

/** The table, with where it was measured. */
export function tableOf(findings: Findings): string {
  const lines = rows.map((row) => {
    const { id, what, unit, target, floor } = row;
    const kept = findings[id];
    const bounds = `${target.toLocaleString("en")} | ${floor.toLocaleString("en")}`;
    if (kept === undefined) return `| ${what} | not measured yet | ${bounds} | | |`;
    const value = `${kept.value.toLocaleString("en")} ${unit}`.trimEnd();
    return `| ${what} | ${value} | ${bounds} | ${verdictOf(row, kept.value)} | ${kept.said}; ${kept.at} |`;
  });
  const machines = [...new Set(Object.values(findings).map(({ machine }) => machine))];
  return [
    "| what | measured | target | floor | | from |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines,
    "",
    `Measured on: ${machines.join("; ")}. All of it ran on these processors: generators, gateways, workers, Redis, Postgres.`,
  ].join("\n");
}
