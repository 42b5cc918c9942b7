/** Scenarios one after the other on one cluster: what changes a cluster for good comes last, as the caller orders it. */
import { join } from "node:path";
import type { Target } from "./cluster.ts";
import { progress, publish, runScenario } from "./lead.ts";
import type { LoadOptions } from "./options.ts";
import { scenarioTable } from "./scenario-table.ts";

/**
 * Runs them; the exit status says whether all promises were kept.
 *
 * @param folder where the result of each goes; undefined: nowhere
 * @throws Error where there is no such scenario
 */
export async function runSuite(
  names: readonly string[],
  options: LoadOptions,
  target: Target,
  folder: string | undefined,
): Promise<void> {
  for (const wanted of names) {
    const row = scenarioTable.find(({ name }) => name === wanted);
    if (row === undefined) throw new Error(`there is no scenario ${wanted} that can be part of a suite`);
    progress(`— ${wanted}`);
    const scenario = { name: row.name, ...row.defaults, ...row.build(options) };
    const out = folder === undefined ? undefined : join(folder, `${wanted}.json`);
    publish(await runScenario(scenario, options, target), { out }, null);
  }
}
