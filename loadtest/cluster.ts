/** What the load goes to: a cluster that runs already, or one of its own that lives as long as the run. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { SigningKey } from "./logins.ts";
import { createWorld } from "./world.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the gateways are, and what may be done to the cluster. */
export interface Target {
  /** Signs login tokens of its world; null where no such key is known. */
  key: SigningKey | null;
  /** One per gateway, the world included. */
  urls: string[];
  /** The workers' pids right now; null where the cluster is somebody else's, and nothing may be killed. */
  workerPids: (() => Promise<number[]>) | null;
  /** What it tells about its nodes and stores right now; null where only its URLs are known. */
  facts: (() => Promise<ClusterFacts>) | null;
  stop(): Promise<void>;
}

/** What this program reads of a ready file (`foyer local --ready-file`). */
export interface ClusterFacts {
  gateways: { id: string; ws: string; ops: string; pid: number }[];
  workers: { id: string; ops: string; pid: number }[];
  world: string;
  database_url: string;
  redis_url: string;
  /** null where the servers are somebody else's. */
  postgres_pid: number | null;
  redis_pid: number | null;
}

const START_MS = 180_000;
const STOP_MS = 60_000;
const LOOK_EVERY_MS = 100;

/** A running cluster, known by the URLs themselves. */
export function targetOfUrls(urls: string[], key: SigningKey | null = null): Target {
  return { urls, key, workerPids: null, facts: null, stop: async () => {} };
}

/** A running cluster, known by its ready file. */
export async function targetOfReadyFile(path: string, key: SigningKey | null = null): Promise<Target> {
  return { ...targetOfUrls(gatewayUrls(await readReadyFile(path)), key), facts: () => readReadyFile(path) };
}

/** Where a cluster's stores are. */
interface StoreUrls {
  databaseUrl: string;
  redisUrl: string;
}

/** How a cluster of one's own is started. */
export interface ClusterStart {
  /** What the nodes get too. */
  environment: Environment;
  signal: AbortSignal;
  /** More options of `foyer local`. */
  options?: readonly string[];
  /** Data that survive a crash, as they do in earnest: what is measured then contains what that costs. */
  durable?: boolean;
}

/**
 * Starts a cluster with temporary data, the world of `world.ts` and no rate limits; resolves once it serves.
 */
export async function startCluster({
  environment,
  signal,
  options = [],
  durable = false,
}: ClusterStart): Promise<Target & { stores(): Promise<StoreUrls> }> {
  const root = findCheckout();
  const directory = await mkdtemp(join(tmpdir(), "foyer-loadtest-"));
  // Postgres runs under an account of its own where we are root.
  await chmod(directory, 0o755);
  const path = join(directory, "ready.json");
  const worldFile = join(directory, "world.json");
  const { file, key } = createWorld();
  await writeFile(worldFile, JSON.stringify(file), { mode: 0o600 });
  const data = durable ? join(directory, "data") : "";
  const args = ["local", "--data", data, "--port", "0", "--ready-file", path, "--world", worldFile];
  const child = spawn(process.execPath, [join("deploy", "bin", "foyer.mjs"), ...args, ...options], {
    cwd: root,
    env: { FOYER_LOG_LEVEL: "warn", ...environment, FOYER_RATE: "0", FOYER_UPDATE_RATE: "0" },
    // Its stdout is not ours: there the figures go.
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const stop = async () => {
    await stopProcess(child, ended);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilReady(child, path, signal);
    const urls = gatewayUrls(await readReadyFile(path));
    const facts = () => readReadyFile(path);
    const workerPids = async () => (await facts()).workers.map(({ pid }) => pid);
    const stores = async () => {
      const { database_url: databaseUrl, redis_url: redisUrl } = await facts();
      return { databaseUrl, redisUrl };
    };
    return { urls, key, workerPids, facts, stores, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilReady(child: ChildProcess, path: string, signal: AbortSignal): Promise<void> {
  const end = performance.now() + START_MS;
  while (!existsSync(path)) {
    if (signal.aborted) throw new Error("stopped while the cluster was starting");
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      const how = child.signalCode ?? `status ${child.exitCode}`;
      throw new Error(`the cluster ended (${how}) before it was ready; its own messages stand above`);
    }
    if (performance.now() > end) throw new Error(`the cluster was not ready within ${START_MS / 1000} s`);
    await sleep(LOOK_EVERY_MS);
  }
}

async function stopProcess(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  const stopped = await Promise.race([ended.then(() => true), sleep(STOP_MS, false, { ref: false })]);
  if (!stopped) {
    throw new Error(
      `the cluster (pid ${child.pid}) still runs ${STOP_MS / 1000} s after SIGTERM: stop it by hand`,
    );
  }
}

async function readReadyFile(path: string): Promise<ClusterFacts> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const hint = 'start a cluster with "foyer local --ready-file FILE" first';
    throw new Error(`cannot read the ready file: ${(error as Error).message}; ${hint}`);
  }
  const wrong = (what: string) => new Error(`${path} is no ready file of "foyer local": ${what}`);
  let value: Partial<ClusterFacts> | null;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong("it is not JSON");
  }
  const { gateways, workers = [], world } = value ?? {};
  if (!Array.isArray(gateways) || gateways.length === 0) throw wrong('"gateways" is missing or empty');
  if (!gateways.every((gateway) => typeof gateway?.ws === "string"))
    throw wrong('a gateway has no "ws" address');
  if (typeof world !== "string") throw wrong('"world" is missing');
  // The rest is taken as it is: the file is ours, and `foyer local` writes all of it.
  return { ...(value as ClusterFacts), gateways, workers, world };
}

function gatewayUrls({ gateways, world }: ClusterFacts): string[] {
  return gateways.map(({ ws }) => `${ws.replace(/\/$/, "")}/ws/world/${world}`);
}

/** The nearest directory above this file that has the command line: it is one further up once compiled. */
export function findCheckout(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, "deploy", "bin", "foyer.mjs"))) {
    const above = dirname(directory);
    if (above === directory) {
      throw new Error(
        "no deploy/bin/foyer.mjs above this file: give --ready-file or --url of a running cluster",
      );
    }
    directory = above;
  }
  return directory;
}
