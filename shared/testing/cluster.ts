/** Real nodes in processes of their own, over a test file's own database and key prefix. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import type { ReadyMessage } from "../node-process.ts";
import { createTestStores } from "./stores.ts";

/** A node's process. */
export interface TestNode {
  id: string;
  pid: number;
  process: ChildProcess;
  /** `http://127.0.0.1:…` of its ops port. */
  ops: string;
  /** Asks it to end; resolves with its exit status. */
  stop(): Promise<number | null>;
  /** Ends it at once. */
  kill(): Promise<void>;
}

/** A gateway's process. */
export interface TestGateway extends TestNode {
  http: string;
  /** The WebSocket address of a world. */
  world(id: string): string;
}

interface ClusterOptions {
  gateways?: number;
  workers?: number;
  /** World files to import. */
  worlds?: object[];
  environment?: Record<string, string>;
  /** Hears each line that a node writes; else what they log is in the output of the test. */
  onLine?: (line: string) => void;
}

const program = fileURLToPath(new URL("../../deploy/bin/foyer.mjs", import.meta.url));
const STOP_MS = 30_000;

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

  const start = async (role: "gateway" | "core", extra: Record<string, string> = {}) => {
    const child = spawn(process.execPath, [program, role], {
      env: { ...inherited(), ...environment, ...extra },
      stdio: ["ignore", "pipe", options.onLine === undefined ? "inherit" : "pipe", "ipc"],
    });
    // What a node logs at this level is worth a look in the output of a failed test.
    const heard = options.onLine ?? ((line: string) => void t.comment(line));
    createInterface({ input: child.stdout! }).on("line", heard);
    if (child.stderr !== null) createInterface({ input: child.stderr }).on("line", heard);
    const node = { ...(await readyNode(child)), process: child };
    t.teardown(async () => {
      if ((await node.stop()) === null && child.signalCode !== "SIGKILL") {
        throw new Error(`${role} ${node.id} did not end by itself`);
      }
    });
    return node;
  };
  const startWorker = (extra?: Record<string, string>): Promise<TestNode> => start("core", extra);
  const startGateway = async (extra?: Record<string, string>): Promise<TestGateway> => {
    const node = await start("gateway", extra);
    const http = `http://127.0.0.1:${node.port}`;
    return { ...node, http, world: (id) => `ws://127.0.0.1:${node.port}/ws/world/${id}` };
  };
  const many = <T>(count: number, one: () => Promise<T>) =>
    Promise.all(Array.from({ length: count }, () => one()));
  // A gateway is ready once a worker is there to hear, so that both have to start at once.
  const [workers, gateways] = await Promise.all([
    many(options.workers ?? 1, startWorker),
    many(options.gateways ?? 1, startGateway),
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

async function readyNode(child: ChildProcess) {
  const ready = await new Promise<ReadyMessage>((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code, signal) => reject(new Error(`the node ended with ${signal ?? code}`)));
  });
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const end = async (signal: NodeJS.Signals) => {
    if (ended()) return child.exitCode;
    const gone = once(child, "exit");
    child.kill("SIGCONT");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await gone;
    clearTimeout(timer);
    return child.exitCode;
  };
  return {
    id: ready.id,
    pid: child.pid!,
    port: ready.port,
    ops: `http://127.0.0.1:${ready.opsPort}`,
    stop: () => end("SIGTERM"),
    kill: async () => {
      await end("SIGKILL");
    },
  };
}

/** What a process needs of ours: where programs are, not what we are set to. */
function inherited(): Record<string, string | undefined> {
  // biome-ignore lint/style/noProcessEnv: the one place where tests hand on their environment
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR };
}
