/** The checker finds what it is for: with one invariant switched off, the run that the code as it is passes fails. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { createTestStores } from "../../../shared/testing/stores.ts";
import { mutations } from "../mutations.ts";
import { formatReport } from "../report.ts";
import { runScenario, type Scenario } from "../run.ts";
import { copyBuild, findRoot } from "../world/build.ts";
import { type ChaosCluster, startChaosCluster } from "../world/cluster.ts";

async function startCluster(t: Test, program: string): Promise<ChaosCluster> {
  const stores = await createTestStores(t);
  const progress = (text: string) => t.comment(text);
  const cluster = await startChaosCluster({ gateways: 2, workers: 2, program, stores, progress });
  t.teardown(() => cluster.stop(!t.passing()));
  return cluster;
}

async function run(t: Test, cluster: ChaosCluster, scenario: Scenario) {
  const signal = new AbortController().signal;
  const result = await runScenario(scenario, cluster, { progress: (text) => t.comment(text), signal });
  t.comment(formatReport({ ...result, folder: null }, scenario.seed, "this test"));
  t.ok(result.succeeded > 50, "there was load");
  return new Set(result.violations.map(({ rule }) => rule));
}

t.test("the code as it is", async (t) => {
  const cluster = await startCluster(t, findRoot());
  for (const { name, scenario } of mutations) {
    const broken = await run(t, cluster, { ...scenario, prefix: `${name}-` });
    t.same([...broken], [], `passes what shows: ${name}`);
  }
});

for (const { name, edits, scenario, shownBy } of mutations) {
  t.test(`${name}: it is noticed`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "foyer-mutation-"));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    copyBuild(join(folder, "foyer"), edits);
    const broken = await run(t, await startCluster(t, join(folder, "foyer")), scenario);
    t.ok(
      shownBy.some((rule) => broken.has(rule)),
      `broken: ${[...broken].join(", ") || "nothing"}; it had to be ${shownBy.join(" or ")}`,
    );
  });
}
