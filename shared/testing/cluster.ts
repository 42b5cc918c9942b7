/** Real nodes in processes of their own, over a test file's own database and key prefix. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Test } from "tap";
import {
  inherited,
  program,
  startGatewayNode,
  startWorkerNode,
  type TestGateway,
  type TestNode,
} from "./node.ts";
import { createTestStores } from "./stores.ts";

export type { TestGateway, TestNode };

interface ClusterOptions {
  gateways?: number;
  workers?: number;
  /** World files to import. */
  worlds?: object[];
  environment?: Record<string, string>;
  /** Hears each line that a node writes; else what they log is in the output of the test. */
  onLine?: (line: string) => void;
}

/** Starts stores, worlds and nodes; everything ends with the test, and a node that does not fails it. */
export async function startTestCluster(t: Test, options: ClusterOptions = {}) {
  const stores = await createTestStores(t);
  const environment: Record<string, string> = {
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redisUrl,
    FOYER_REDIS_PREFIX: stores.redisPrefix,
    FOYER_LOG_LEVEL: "error",
    FOYER_DRAIN_SECONDS: "0",
    FOYER_UPDATE_RATE: "0",
    FOYER_PORT: "0",
    FOYER_OPS_PORT: "0",
    ...options.environment,
  };
  for (const world of options.worlds ?? []) {
    await runFoyer(["world", "import", "-"], environment, JSON.stringify(world));
  }

  const watched = async <N extends TestNode>(role: string, starting: Promise<N>): Promise<N> => {
    const node = await starting;
    t.teardown(async () => {
      if ((await node.stop()) === null && node.process.signalCode !== "SIGKILL") {
        throw new Error(`${role} ${node.id} did not end by itself`);
      }
    });
    return node;
  };
  const how = (extra: Record<string, string> = {}, other?: string) => ({
    environment: { ...environment, ...extra },
    program: other,
    // What a node logs at this level is worth a look in the output of a failed test.
    onLine: options.onLine ?? ((line: string) => void t.comment(line)),
    hearsErrors: options.onLine !== undefined,
  });
  /** @param other the command line of another build */
  const startWorker = (extra?: Record<string, string>, other?: string): Promise<TestNode> =>
    watched("worker", startWorkerNode(how(extra, other)));
  const startGateway = (extra?: Record<string, string>, other?: string): Promise<TestGateway> =>
    watched("gateway", startGatewayNode(how(extra, other)));
  const many = <T>(count: number, one: () => Promise<T>) =>
    Promise.all(Array.from({ length: count }, () => one()));
  // A gateway is ready once a worker is there to hear, so that both have to start at once.
  const [workers, gateways] = await Promise.all([
    many(options.workers ?? 1, () => startWorker()),
    many(options.gateways ?? 1, () => startGateway()),
  ]);
  return { ...stores, environment, workers, gateways, startWorker, startGateway };
}

/**
 * Runs the command line to its end.
 *
 * @throws Error with what it wrote when it fails
 */
export async function runFoyer(
  args: string[],
  environment: Record<string, string>,
  input = "",
): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], { env: { ...inherited(), ...environment } });
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (text: Buffer) => {
      written[name] += text.toString();
    });
  }
  child.stdin.end(input);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`foyer ${args.join(" ")} ended with ${code}: ${written.stderr}`);
  return written.stdout;
}
