/** `npm run bench`: measures every row beside its peers, and writes the table of docs/performance.md. */
import { Command } from "commander";
import { findCheckout } from "../../loadtest/cluster.ts";
import { runProgram } from "../../loadtest/program.ts";
import { alignTable } from "../../loadtest/report.ts";
import { flood, logins, memory } from "./connections.ts";
import { keep, tableOf } from "./document.ts";
import { deliveries, fanOut } from "./fan-out.ts";
import { Ground, type Scale } from "./ground.ts";
import { runMicro } from "./micro.ts";
import { type Finding, type Measurement, rows } from "./rows.ts";
import { throughput } from "./throughput.ts";
import { checkSizes, measureUnitCosts, writeUnitCosts } from "./unit-costs.ts";
import { idle, scaling, search } from "./whole.ts";

/**
 * Idle first, before anything has happened; search last, as its accounts stay; and before it scaling, whose clusters give the
 * world that they share with the first another key to sign with.
 */
const measurements: readonly Measurement[] = [
  ...[idle, memory, throughput, fanOut, deliveries, logins, flood, scaling, search],
];

const full: Scale = { short: false, rounds: 3, seconds: 3, warmUpMs: 700, clients: (usual) => usual };
const short: Scale = {
  ...{ short: true, rounds: 1, seconds: 0.3, warmUpMs: 100 },
  clients: (usual) => Math.min(usual, 20),
};

const CHECKED_CLIENTS = 5_000;

const program = new Command("bench")
  .description("Measures Foyer beside its peers, in turns, and writes the table of docs/performance.md.")
  .argument(
    "[micro|costs|sizes]",
    "micro: the hot pieces by themselves; costs: what foyer size goes by; sizes: what it says against what is so",
  )
  .option("--rows <ids>", `only these, comma-separated: ${rows.map(({ id }) => id).join(", ")}`)
  .option("--short", "every row for a moment, to see that it works; nothing is written")
  .addHelpText("after", "\nA single row brings along those that are measured with it.");

await runProgram(program, async (signal, progress) => {
  const { rows: chosen, short: isShort } = program.opts<{ rows?: string; short?: boolean }>();
  if (program.args[0] === "micro") {
    await runMicro(isShort === true, (line) => void process.stdout.write(`${line}\n`));
    return true;
  }
  const isCosts = program.args[0] === "costs";
  const isCheck = program.args[0] === "sizes";
  const wanted = new Set(isCosts || isCheck ? [] : (chosen?.split(",") ?? rows.map(({ id }) => id)));
  const unknown = [...wanted].find((id) => !rows.some((row) => row.id === id));
  if (unknown !== undefined) throw new Error(`there is no row ${unknown}: --help lists them`);
  const ground = new Ground(isShort ? short : full, progress, signal);
  const found: Record<string, Finding> = {};
  const failed: string[] = [];
  try {
    if (isCheck) {
      const table = await checkSizes(ground, isShort ? 20 : CHECKED_CLIENTS);
      process.stdout.write(`${alignTable(["", "foyer size", "measured"], table).join("\n")}\n`);
      return true;
    }
    if (isCosts) {
      const costs = await measureUnitCosts(ground);
      if (!isShort) writeUnitCosts(findCheckout(), costs);
      process.stdout.write(`${JSON.stringify(costs, null, 2)}\n`);
      return true;
    }
    for (const { rows: ids, measure } of measurements) {
      if (!ids.some((id) => wanted.has(id))) continue;
      progress(ids.join(", "));
      try {
        const findings = await measure(ground);
        Object.assign(found, findings);
        if (!isShort) keep(findCheckout(), findings);
      } catch (error) {
        if (signal.aborted) throw error;
        // A row that fails takes no other along.
        failed.push(...ids);
        progress(`  failed: ${(error as Error).message}`);
      }
    }
  } finally {
    await ground.end();
  }
  const kept = Object.fromEntries(
    Object.entries(found).map(([id, each]) => [id, { ...each, at: "now", machine: "this one" }]),
  );
  process.stdout.write(`${tableOf(kept)}\n`);
  if (failed.length > 0) progress(`not measured: ${failed.join(", ")}`);
  return failed.length === 0;
});
