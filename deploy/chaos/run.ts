/** One run: a cluster, load on it, faults, and what the checker finds in the end. */
import { setMaxListeners } from "node:events";
import { pause } from "../../shared/backoff.ts";
import type { Violation } from "./check/account.ts";
import { checkHistory } from "./check/checker.ts";
import { checkRecovery, measureRecovery, type Recovery } from "./check/recovery.ts";
import { runPlan } from "./faults.ts";
import { type FaultTimes, History, type HistoryEvent } from "./history.ts";
import { type LoadContext, runClient } from "./load/client.ts";
import { runModerator } from "./load/moderator.ts";
import { endOf, type Fault } from "./plan.ts";
import { createRandom } from "./random.ts";
import { readRows, usersOf } from "./rows.ts";
import { moderatorToken } from "./world/chaos-world.ts";
import { type ChaosCluster, startChaosCluster } from "./world/cluster.ts";

export interface RunOptions {
  seed: number;
  plan: readonly Fault[];
  /** How long there is load. */
  seconds: number;
  accounts: number;
  /** Of these accounts so many are banned now and then. */
  victims: number;
  /** Pause between the commands of one client, about; ms. */
  everyMs: number;
  gateways: number;
  workers: number;
  /** The folder whose nodes are run (`world/build.ts`). */
  program: string;
  keep: boolean;
  progress(text: string): void;
  signal: AbortSignal;
}

export interface RunResult {
  violations: Violation[];
  recoveries: Recovery[];
  /** For the summary. */
  commands: number;
  succeeded: number;
  connections: number;
  /** Where data and logs are, if they were kept. */
  folder: string | null;
}

/** A second longer than the slowest answer: by then each client has its last one. */
const LAST_ANSWERS_MS = 16_000;
/** Longest until every connection shows the truth (the checker's own bound of recovery). */
const CONVERGE_MS = 5_000;
const LOOK_EVERY_MS = 250;

/** Runs it. @throws Error when the cluster could not be started */
export async function runChaos(options: RunOptions): Promise<RunResult> {
  const { gateways, workers, program, progress } = options;
  progress("Starting the cluster …");
  const cluster = await startChaosCluster({ gateways, workers, program, durable: true, progress });
  let isGood = false;
  try {
    const result = await underLoad(options, cluster);
    isGood = result.violations.length === 0;
    return { ...result, folder: options.keep || !isGood ? cluster.folder : null };
  } finally {
    await cluster.stop(options.keep || !isGood);
  }
}

async function underLoad(options: RunOptions, cluster: ChaosCluster): Promise<Omit<RunResult, "folder">> {
  const { seed, plan, seconds, progress, signal } = options;
  const history = new History();
  const loading = new AbortController();
  const listening = new AbortController();
  // Every client listens for them.
  setMaxListeners(0, loading.signal, listening.signal, signal);
  let connections = 0;
  const context: LoadContext = {
    history,
    random: createRandom(seed),
    gateways: cluster.gateways.map((node) => ({ name: node.name, url: () => cluster.url(node) })),
    nextConnection: () => ++connections,
    signal: loading.signal,
    ended: listening.signal,
  };
  const clients = startClients(context, options);
  const faults = runPlan(plan, cluster, history, progress, signal);
  await pause(seconds * 1_000, signal);
  const times = await faults;
  loading.abort();
  const loadEnd = history.now();
  const violations = await untilConverged(history, cluster);
  listening.abort();
  await Promise.all(clients);
  const recoveries = measureRecovery(history.events, times, names(cluster), loadEnd);
  const { events } = history;
  return {
    violations: [...violations, ...checkRecovery(recoveries), ...checkEnd(cluster, plan, times)],
    recoveries,
    commands: events.filter(({ kind }) => kind === "sent").length,
    succeeded: events.filter((event) => event.kind === "answered" && event.outcome === "success").length,
    connections,
  };
}

const names = ({ gateways }: ChaosCluster) => gateways.map(({ name }) => name);

function startClients(context: LoadContext, options: RunOptions): Promise<void>[] {
  const { accounts, victims, everyMs } = options;
  const accountNames = Array.from({ length: accounts }, (_, i) => `account-${i + 1}`);
  const clients = accountNames.flatMap((account, i) => {
    const login = { client_id: account };
    // On two gateways, so that what one does the other has to hear of; both write the profile.
    return [
      runClient(context, {
        account,
        name: "a",
        login,
        gateway: i,
        everyMs,
        fields: ["profile", "clientState"],
      }),
      runClient(context, {
        account,
        name: "b",
        login,
        gateway: i + 1,
        everyMs: everyMs * 4,
        fields: ["profile"],
      }),
    ];
  });
  const userOf = new Map<string, string>();
  let read = 0;
  const user = (account: string) => {
    const { events } = context.history;
    for (const [id, name] of usersOf(events.slice(read))) userOf.set(name, id);
    read = events.length;
    return userOf.get(account) ?? null;
  };
  const moderated = accountNames.slice(0, victims).map((account) => ({ account, user: () => user(account) }));
  if (moderated.length === 0) return clients;
  const login = { token: moderatorToken() };
  return [...clients, runModerator(context, { login, victims: moderated, everyMs: 700 })];
}

/** Waits for the last answers, then until all connections show what Postgres holds. */
async function untilConverged(history: History, cluster: ChaosCluster): Promise<Violation[]> {
  const answersUntil = history.now() + LAST_ANSWERS_MS;
  while (hasUnanswered(history.events) && history.now() < answersUntil) await wait(LOOK_EVERY_MS);
  const end = history.now() + CONVERGE_MS;
  for (;;) {
    const rows = await readRows(cluster.sql, history.events);
    const violations = checkHistory(history.events, rows, history.now());
    if (history.now() > end || !violations.some(({ rule }) => rule === "converges")) return violations;
    await wait(LOOK_EVERY_MS);
  }
}

function hasUnanswered(events: readonly HistoryEvent[]): boolean {
  const waiting = new Map<number, number>();
  for (const { kind, connection } of events) {
    if (kind === "sent") waiting.set(connection, (waiting.get(connection) ?? 0) + 1);
    else if (kind === "answered") waiting.set(connection, (waiting.get(connection) ?? 0) - 1);
    else if (kind === "closed") waiting.delete(connection);
  }
  return [...waiting.values()].some((count) => count > 0);
}

/** A run in which the plan could not be carried out shows nothing. */
function checkEnd(_cluster: ChaosCluster, plan: readonly Fault[], times: readonly FaultTimes[]): Violation[] {
  if (times.length === plan.length) return [];
  const missing = plan.length - times.length;
  return [{ rule: "the run", account: "", message: `${missing} faults did not happen`, events: [] }];
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How long a plan takes at the least, with time to see that all is well after it. */
export function secondsFor(plan: readonly Fault[]): number {
  return Math.ceil((Math.max(0, ...plan.map(endOf)) + CONVERGE_MS) / 1_000) + 1;
}
