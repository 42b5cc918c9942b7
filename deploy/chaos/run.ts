/** One run: a cluster, load on it, faults, and what the checker finds in the end. */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { isDatabaseAway } from "../../core/sql/database.ts";
import { pause } from "../../shared/backoff.ts";
import type { Violation } from "./check/account.ts";
import { checkHistory } from "./check/checker.ts";
import { checkMemory } from "./check/memory.ts";
import { checkRecovery, measureRecovery, type Recovery } from "./check/recovery.ts";
import { runPlan } from "./faults.ts";
import { type FaultTimes, History, type HistoryEvent } from "./history.ts";
import { type ClientOptions, LOYAL, type LoadContext, runClient } from "./load/client.ts";
import { runFuzzer } from "./load/fuzzer.ts";
import { runModerator } from "./load/moderator.ts";
import { endOf, type Fault } from "./plan.ts";
import { createRandom } from "./random.ts";
import { readRows, usersOf } from "./rows.ts";
import { moderatorToken } from "./world/chaos-world.ts";
import type { ChaosCluster } from "./world/cluster.ts";
import { type MemoryUse, watchMemory } from "./world/memory.ts";

/** What happens in a run. */
export interface Scenario {
  seed: number;
  plan: readonly Fault[];
  /** How long there is load. */
  seconds: number;
  /** Names of accounts begin so; those of another run on the same cluster must be others. */
  prefix?: string;
  accounts: number;
  /** Of these accounts so many are banned now and then. */
  victims: number;
  /** Pause between the commands of one client, about; ms. */
  everyMs: number;
  /** How often a client does not wait for an answer to the end: from 0 to 1. */
  haste?: number;
  /** Pause between bans, about; ms. */
  banEveryMs?: number;
  /** Connections that send what nobody should. */
  fuzzers?: number;
}

/** Where to tell of what happens, and what ends it early. */
export interface Watching {
  progress(text: string): void;
  signal: AbortSignal;
}

export interface RunOptions extends Scenario, Watching {
  open(): Promise<ChaosCluster>;
  keep: boolean;
}

export interface RunResult {
  violations: Violation[];
  recoveries: Recovery[];
  /** For the summary. */
  commands: number;
  succeeded: number;
  connections: number;
  memory: readonly MemoryUse[];
  /** Where data and logs are, if they were kept. */
  folder: string | null;
}

const HASTE = 0.3;
const BAN_EVERY_MS = 400;

/** A second longer than the slowest answer: by then each client has its last one. */
const LAST_ANSWERS_MS = 16_000;
/** Longest until every connection shows the truth (the checker's own bound of recovery). */
const CONVERGE_MS = 5_000;
const LOOK_EVERY_MS = 250;
/** Longest that Postgres may be away when all is over. */
const READ_MS = 30_000;

/** Runs it. @throws Error when the cluster could not be started */
export async function runChaos(options: RunOptions): Promise<RunResult> {
  options.progress("Starting the cluster …");
  const cluster = await options.open();
  let isGood = false;
  try {
    const result = await runScenario(options, cluster, options);
    isGood = result.violations.length === 0;
    return { ...result, folder: options.keep || !isGood ? cluster.folder : null };
  } finally {
    await cluster.stop(options.keep || !isGood);
  }
}

/** Runs a scenario on a cluster that is there. */
export async function runScenario(
  scenario: Scenario,
  cluster: ChaosCluster,
  { progress, signal }: Watching,
): Promise<Omit<RunResult, "folder">> {
  const { seed, plan, seconds, haste = HASTE } = scenario;
  const history = new History();
  const loading = new AbortController();
  const listening = new AbortController();
  // Every client listens for them.
  setMaxListeners(0, loading.signal, listening.signal, signal);
  let connections = 0;
  const context: LoadContext = {
    history,
    random: createRandom(seed),
    haste,
    gateways: cluster.gateways.map((node) => ({ name: node.name, url: () => cluster.url(node) })),
    nextConnection: () => ++connections,
    signal: loading.signal,
    ended: listening.signal,
  };
  const clients = startClients(context, scenario);
  const memory = watchMemory(cluster);
  const faults = runPlan(plan, cluster, history, progress, signal);
  // One that fails ends the run at once.
  const [times] = await Promise.all([faults, pause(seconds * 1_000, signal)]);
  loading.abort();
  const loadEnd = history.now();
  const violations = await untilConverged(history, cluster);
  listening.abort();
  await Promise.all(clients);
  const recoveries = measureRecovery(history.events, times, names(cluster), loadEnd);
  const { events } = history;
  const used = memory.end();
  return {
    violations: [
      ...violations,
      ...checkRecovery(recoveries),
      ...checkEnd(cluster, plan, times),
      ...checkMemory(used),
    ],
    recoveries,
    memory: used,
    commands: events.filter(({ kind }) => kind === "sent").length,
    succeeded: events.filter((event) => event.kind === "answered" && event.outcome === "success").length,
    connections,
  };
}

const names = ({ gateways }: ChaosCluster) => gateways.map(({ name }) => name);

function startClients(context: LoadContext, scenario: Scenario): Promise<void>[] {
  const { seed, accounts, victims, everyMs, fuzzers = 0 } = scenario;
  const { prefix = "account-", banEveryMs = BAN_EVERY_MS } = scenario;
  const accountNames = Array.from({ length: accounts }, (_, i) => `${prefix}${i + 1}`);
  const client = (account: string, name: string, gateway: number, rest: Partial<ClientOptions> = {}) =>
    runClient(context, {
      account,
      name,
      login: { client_id: account },
      gateway,
      everyMs,
      fields: ["profile"],
      ...rest,
    });
  const clients = accountNames.flatMap((account, i) => [
    // On two gateways, so that what one does the other has to hear of; both write the profile.
    client(account, "a", i, { fields: ["profile", "clientState"] }),
    client(account, "b", i + 1, { everyMs: everyMs * 4 }),
  ]);
  // Whoever leaves a gateway that is away may stay where it went: these show when each is there again.
  context.gateways.forEach(({ name }, i) => {
    clients.push(client(`${prefix}at-${name}`, LOYAL, i));
  });
  for (let i = 0; i < fuzzers; i++) clients.push(runFuzzer(context, { seed: seed + i, gateway: i }));
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
  return [...clients, runModerator(context, { login, victims: moderated, everyMs: banEveryMs })];
}

/** Waits for the last answers, then until all connections show what Postgres holds. */
async function untilConverged(history: History, cluster: ChaosCluster): Promise<Violation[]> {
  const answersUntil = history.now() + LAST_ANSWERS_MS;
  while (hasUnanswered(history.events) && history.now() < answersUntil) await sleep(LOOK_EVERY_MS);
  const end = history.now() + CONVERGE_MS;
  for (;;) {
    const rows = await readUntilAnswered(cluster, history.events);
    const violations = checkHistory(history.events, rows, history.now());
    if (history.now() > end || !violations.some(({ rule }) => rule === "converges")) return violations;
    await sleep(LOOK_EVERY_MS);
  }
}

/** The last fault may have been Postgres' own. @throws Error when it does not come back at all */
async function readUntilAnswered({ sql }: ChaosCluster, events: readonly HistoryEvent[]) {
  for (const end = performance.now() + READ_MS; ; await sleep(LOOK_EVERY_MS)) {
    try {
      return await readRows(sql, events);
    } catch (error) {
      if (!isDatabaseAway(error) || performance.now() > end) throw error;
    }
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

/** No node ends by itself; and a run in which the plan could not be carried out shows nothing. */
function checkEnd(
  { crashes, strays }: ChaosCluster,
  plan: readonly Fault[],
  times: readonly FaultTimes[],
): Violation[] {
  const missing = plan.length - times.length;
  return [
    ...crashes.map((message) => aboutAll("no crash", message)),
    ...strays().map((line) => aboutAll("log lines are JSON", line)),
    ...(missing === 0 ? [] : [aboutAll("the run", `${missing} faults did not happen`)]),
  ];
}

function aboutAll(rule: string, message: string): Violation {
  return { rule, account: "", message, events: [] };
}

/** How long a plan takes at the least, with time to see that all is well after it. */
export function secondsFor(plan: readonly Fault[]): number {
  return Math.ceil((Math.max(0, ...plan.map(endOf)) + CONVERGE_MS) / 1_000) + 1;
}
