/** What scenarios stand on that start and end nodes themselves: stores, a world, and nodes of their own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  inherited,
  type NodeStart,
  program,
  startGatewayNode,
  startWorkerNode,
  type TestGateway,
  type TestNode,
} from "../shared/testing/node.ts";
import { startCluster } from "./cluster.ts";

/** A test's cluster is one too. */
export interface Stage {
  databaseUrl: string;
  redisUrl: string;
  redisPrefix: string;
  /** @param other the command line of another build */
  startWorker(environment?: Record<string, string>, other?: string): Promise<TestNode>;
  startGateway(environment?: Record<string, string>, other?: string): Promise<TestGateway>;
}

/** The scenario's nodes find each other by it, and not the cluster whose stores they use. */
const PREFIX = "stage";

/**
 * Starts stores with temporary data, with a world in them; `stop` ends every node that was started here, and then
 * the stores.
 *
 * @param environment for all nodes
 */
export async function raiseStage(
  world: object,
  environment: Record<string, string>,
  signal: AbortSignal,
): Promise<Stage & { stop(): Promise<void> }> {
  // Its own two nodes are idle: they are there because no local cluster goes without.
  const options = ["--gateways", "1", "--workers", "1"];
  const local = await startCluster({ environment: inherited(), signal, options });
  const nodes = new Set<TestNode>();
  const stop = async () => {
    const ended = await Promise.all([...nodes].map((node) => node.stop()));
    await local.stop();
    if (ended.includes(null)) throw new Error("a node did not end by itself");
  };
  try {
    const { databaseUrl, redisUrl } = await local.stores();
    await importWorld(world, { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl });
    const how = (extra: Record<string, string> = {}, other?: string): NodeStart => ({
      environment: {
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        FOYER_REDIS_PREFIX: PREFIX,
        FOYER_PORT: "0",
        FOYER_OPS_PORT: "0",
        FOYER_RATE: "0",
        FOYER_UPDATE_RATE: "0",
        FOYER_MAX_FAILED_LOGINS_PER_IP: "0",
        FOYER_LOG_LEVEL: "error",
        ...environment,
        ...extra,
      },
      program: other,
      onLine: (line) => void process.stderr.write(`${line}\n`),
    });
    const kept = async <N extends TestNode>(starting: Promise<N>): Promise<N> => {
      const node = await starting;
      nodes.add(node);
      node.process.once("exit", () => nodes.delete(node));
      return node;
    };
    return {
      databaseUrl,
      redisUrl,
      redisPrefix: PREFIX,
      startWorker: (extra, other) => kept(startWorkerNode(how(extra, other))),
      startGateway: (extra, other) => kept(startGatewayNode(how(extra, other))),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function importWorld(world: object, environment: Record<string, string>): Promise<void> {
  const file = join(tmpdir(), `foyer-world-${process.pid}.json`);
  await writeFile(file, JSON.stringify(world));
  const child = spawn(process.execPath, [program, "world", "import", file], {
    env: { ...inherited(), ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = await once(child, "close");
  await rm(file);
  if (code !== 0) throw new Error(`importing the scenario's world ended with ${code}`);
}
