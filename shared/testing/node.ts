/** A node in a process of its own, for tests and load tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ReadyMessage } from "../node-process.ts";

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

/** How a node is started. */
export interface NodeStart {
  environment: Readonly<Record<string, string>>;
  /** The command line to start it with; this build's where it is left out. */
  program?: string | undefined;
  /** The Node to run it with, and as whom; those of the test where they are left out. */
  runtime?: { node: string; uid?: number; gid?: number } | undefined;
  /** Hears each line that it writes to stdout. */
  onLine(line: string): void;
  /** And those to stderr, which else is ours. */
  hearsErrors?: boolean;
}

/** This build's command line, seen from the sources and from `dist/`. */
export const program = fileURLToPath(
  new URL(`${import.meta.url.endsWith(".ts") ? "" : "../"}../../deploy/bin/foyer.mjs`, import.meta.url),
);

const STOP_MS = 60_000;

/** Starts a worker; resolves once it is ready. @throws Error when it ends before */
export async function startWorkerNode(start: NodeStart): Promise<TestNode> {
  const { port: _, ...node } = await startNode("core", start);
  return node;
}

/** Starts a gateway; resolves once it is ready, which takes a worker. @throws Error when it ends before */
export async function startGatewayNode(start: NodeStart): Promise<TestGateway> {
  const { port, ...node } = await startNode("gateway", start);
  const world = (id: string) => `ws://127.0.0.1:${port}/ws/world/${id}`;
  return { ...node, http: `http://127.0.0.1:${port}`, world };
}

async function startNode(role: "gateway" | "core", start: NodeStart) {
  const { node = process.execPath, ...as } = start.runtime ?? {};
  const child = spawn(node, [start.program ?? program, role], {
    ...as,
    env: { ...inherited(), ...start.environment },
    stdio: ["ignore", "pipe", start.hearsErrors === true ? "pipe" : "inherit", "ipc"],
  });
  for (const output of [child.stdout, child.stderr]) {
    if (output !== null) createInterface({ input: output }).on("line", start.onLine);
  }
  return { ...(await readyNode(child)), process: child };
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
export function inherited(): Record<string, string | undefined> {
  // biome-ignore lint/style/noProcessEnv: the one place where tests hand on their environment
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR };
}
