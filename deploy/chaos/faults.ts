/** Does to a cluster what a plan says, and undoes it. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectDatabase, type Sql } from "../../core/sql/database.ts";
import { pause } from "../../shared/backoff.ts";
import { createLog } from "../../shared/log.ts";
import type { OpenProxy } from "../../shared/testing/tcp-proxy.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import type { FaultTimes, History } from "./history.ts";
import { type Fault, type FaultKind, formatFault } from "./plan.ts";
import { flush, sever } from "./store-faults.ts";
import type { ChaosCluster } from "./world/cluster.ts";
import type { ChaosNode } from "./world/nodes.ts";

/** Undoes a fault. */
type Undo = () => unknown;

/** More than a server of ours lets in (`deploy/local/postgres.ts`). */
const MANY_SESSIONS = 220;

/** By then all have come that will. */
const FILL_MS = 2_000;

/** Longest that a node may take to end in order and be there again: the drain of a cluster that is somebody else's. */
const DRAINED_MS = 60_000;

/** Runs the schedule; resolves when the last fault is over. @returns when each really began and ended */
export async function runPlan(
  plan: readonly Fault[],
  cluster: ChaosCluster,
  history: History,
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<FaultTimes[]> {
  const times: FaultTimes[] = [];
  await Promise.all(
    plan.map(async (fault) => {
      await pause(fault.at - history.now(), signal);
      if (signal.aborted) return;
      progress(`${(history.now() / 1000).toFixed(1)} s: ${formatFault(fault)}`);
      const from = history.now();
      const undo = await begin(fault, cluster);
      await pause(fault.forMs, signal);
      await undo();
      times.push({ label: formatFault(fault), nodes: concerned(fault, cluster), from, to: history.now() });
    }),
  );
  return times.sort((a, b) => a.from - b.from);
}

function concerned(fault: Fault, { gateways, workers }: ChaosCluster): string[] {
  const names = [...gateways, ...workers].map(({ name }) => name);
  return names.includes(fault.target) ? [fault.target] : names;
}

async function begin(fault: Fault, cluster: ChaosCluster): Promise<Undo> {
  const { kind, target, amount } = fault;
  const node = [...cluster.gateways, ...cluster.workers].find(({ name }) => name === target);
  switch (kind) {
    case "kill":
      return kill(cluster, target, node);
    case "stop":
      return stop(pidsOf(cluster, target, node));
    case "drain":
      return drain(cluster, node!);
    case "sever":
      return sever(cluster, target as "redis" | "postgres");
    case "flush":
      return await flush(cluster);
    case "empty":
      return empty(cluster);
    case "full-postgres":
      return await fill(cluster);
    case "clock":
      node!.own!.shiftClock(amount);
      return () => node!.own!.shiftClock(0);
    default:
      return breakLink(kind, node!, amount);
  }
}

function pidsOf({ stores }: ChaosCluster, target: string, node: ChaosNode | undefined): number[] {
  if (target === "redis") return isRunning(stores.redisPid());
  if (target === "postgres") return isRunning(stores.postgresPid()).flatMap(withChildren);
  return isRunning(node!.pid());
}

/** One that is being started again has no process. */
function isRunning(pid: number | null): number[] {
  return pid === null || pid === 0 ? [] : [pid];
}

/** Postgres has a process for each of its connections. */
function withChildren(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  // It has ended since, and is not there again yet.
  if (!existsSync(file)) return [];
  const children = readFileSync(file, "utf8").trim().split(" ");
  return [pid, ...children.filter((child) => child !== "").map(Number)];
}

/** The server itself: its children end with it. */
function kill(cluster: ChaosCluster, target: string, node: ChaosNode | undefined): Undo {
  end(cluster, target, pidsOf(cluster, target, node).slice(0, 1), "SIGKILL");
  return () => {};
}

/** In order; it is over when the next process serves. */
function drain(cluster: ChaosCluster, node: ChaosNode): Undo {
  const before = node.id();
  end(cluster, node.name, pidsOf(cluster, node.name, node), "SIGTERM");
  return () => waitFor(`${node.name} to be replaced`, () => node.id() !== before, DRAINED_MS);
}

function end({ expectEnd }: ChaosCluster, target: string, pids: readonly number[], how: NodeJS.Signals) {
  if (pids.length > 0) expectEnd(target);
  signalAll(pids, how);
}

function stop(pids: readonly number[]): Undo {
  signalAll(pids, "SIGSTOP");
  return () => signalAll(pids, "SIGCONT");
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      // It has ended since, by another fault or by itself.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

function empty(cluster: ChaosCluster): Undo {
  rmSync(join(cluster.folder!, "redis", "appendonlydir"), { recursive: true, force: true });
  return kill(cluster, "redis", undefined);
}

/** Takes every connection that Postgres has left. */
async function fill({ stores }: ChaosCluster): Promise<Undo> {
  const sql: Sql = connectDatabase(stores.databaseUrl, { max: MANY_SESSIONS, log: createLog("silent") });
  // Of those that are refused, the driver forgets to tell some.
  await Promise.race([
    Promise.allSettled(Array.from({ length: MANY_SESSIONS }, () => sql.reserve())),
    sleep(FILL_MS),
  ]);
  return () => sql.end({ timeout: 0 });
}

type LinkFault = Exclude<
  FaultKind,
  "kill" | "stop" | "drain" | "sever" | "flush" | "empty" | "full-postgres" | "clock"
>;

function breakLink(kind: LinkFault, node: ChaosNode, amount: number): Undo {
  const [what, store, direction] = kind.split("-") as [
    string,
    "redis" | "postgres",
    "up" | "down" | undefined,
  ];
  const proxy: OpenProxy = store === "redis" ? node.own!.redis : node.own!.postgres!;
  switch (what) {
    case "cut":
      proxy.cut();
      return () => proxy.heal();
    case "freeze":
      proxy.freeze(direction);
      return () => proxy.heal();
    case "lose":
      proxy.freeze();
      return () => proxy.healSilently();
    case "hold":
      proxy.hold(direction);
      return () => proxy.heal();
    default:
      proxy.delay(amount);
      return () => proxy.heal();
  }
}
