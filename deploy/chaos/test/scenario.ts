/** For the tests of the checker: a cluster on the test run's stores, and a scenario on it. */
import type { Test } from "tap";
import { createTestStores } from "../../../shared/testing/stores.ts";
import { formatReport } from "../report.ts";
import { runScenario, type Scenario } from "../run.ts";
import { type ChaosCluster, startChaosCluster } from "../world/cluster.ts";

/** Starts two gateways and two workers; they end with the test. @param program the folder whose nodes are run */
export async function startCluster(t: Test, program: string): Promise<ChaosCluster> {
  const stores = await createTestStores(t);
  const progress = (text: string) => t.comment(text);
  const cluster = await startChaosCluster({ gateways: 2, workers: 2, program, stores, progress });
  t.teardown(() => cluster.stop(!t.passing()));
  return cluster;
}

/** Runs a scenario. @returns the rules that were found broken */
export async function findBroken(t: Test, cluster: ChaosCluster, scenario: Scenario): Promise<Set<string>> {
  const watching = { progress: (text: string) => t.comment(text), signal: new AbortController().signal };
  const result = await runScenario(scenario, cluster, watching);
  const broken = new Set(result.violations.map(({ rule }) => rule));
  t.comment(formatReport({ ...result, folder: null }, scenario.seed, "this test"));
  t.ok(result.succeeded > 50, "there was load");
  return broken;
}
