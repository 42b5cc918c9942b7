/** For the tests of the checker: a cluster on the test run's stores, and a scenario on it. */
import type { Test } from "tap";
import { createTestStores } from "../../../shared/testing/stores.ts";
import { formatReport } from "../report.ts";
import { runScenario, type Scenario } from "../run.ts";
import { type ChaosCluster, startChaosCluster } from "../world/cluster.ts";

/** What a run found. */
export interface Broken {
  rules: Set<string>;
  report: string;
  /** Commands that were answered with success. */
  succeeded: number;
}

/** Starts two gateways and two workers on stores that go with the test. @param program the folder whose nodes are run */
export async function startCluster(t: Test, program: string): Promise<ChaosCluster> {
  const stores = await createTestStores(t);
  return await startChaosCluster({ gateways: 2, workers: 2, program, stores, progress() {} });
}

/** Runs a scenario. */
export async function findBroken(cluster: ChaosCluster, scenario: Scenario): Promise<Broken> {
  const watching = { progress() {}, signal: new AbortController().signal };
  const result = await runScenario(scenario, cluster, watching);
  return {
    rules: new Set(result.violations.map(({ rule }) => rule)),
    report: formatReport({ ...result, folder: null }, scenario.seed, "this test"),
    succeeded: result.succeeded,
  };
}
