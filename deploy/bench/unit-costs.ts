/**
 * What one connection, login, command and delivery costs each role: processor seconds that its processes took while
 * many happened, less what they take when idle. The size calculator (deploy/cli/size.ts) stands on these.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterFacts } from "../../loadtest/cluster.ts";
import { describeMachine } from "../../loadtest/result.ts";
import { cpuSeconds, namedPids, residentMb } from "../../loadtest/usage.ts";
import { EVERY_S, sizeCluster } from "../cli/sizing.ts";
import { type Costs, type Role, readUnitCosts, type UnitCosts } from "../cli/unit-costs.ts";
import type { Ground } from "./ground.ts";

const CLIENTS = 3_000;
const LOGINS = 3_000;
/** Enough to be seen above what idle nodes take, and less than what a busy one would queue. */
const RATES = { fetch: 1_000, update: 300, ping: 1_500, search: 40 } as const;
const SETTLE_MS = 4_000;
/** Seconds of a check. */
const CHECK_S = 15;

const roles: readonly Role[] = ["gateway", "worker", "redis", "postgres"];

/** Measures all. */
export async function measureUnitCosts(ground: Ground): Promise<UnitCosts> {
  const facts = await ground.facts();
  const foyer = await ground.foyer();
  const seconds = ground.scale.short ? 0.5 : 8;
  await sleep(ground.scale.short ? 100 : SETTLE_MS);
  const idle = await perSecond(facts, () => sleep(seconds * 1000));
  const empty = memoryOf(facts);
  return ground.withRun(CLIENTS * 2, async (run) => {
    const clients = ground.scale.clients(CLIENTS);
    const loggedIn = await during(facts, idle, () => ground.join(run, foyer, clients, { tabs: 2 }));
    await sleep(ground.scale.short ? 100 : SETTLE_MS);
    const full = memoryOf(facts);
    const perUnit = async (kind: keyof typeof RATES) => {
      const rate = ground.scale.clients(RATES[kind]);
      const used = await during(facts, idle, () => ground.open(run, foyer, { [kind]: rate }, seconds));
      return each(used, Math.max(1, Math.round(rate * seconds)));
    };
    const fetch = await perUnit("fetch");
    // Each is also shown to the account's other connection, on the other gateway.
    const update = await perUnit("update");
    const [ping, search] = [await perUnit("ping"), await perUnit("search")];
    const known = { ...foyer, name: "known" };
    const again = ground.scale.clients(LOGINS);
    const login = each(await during(facts, idle, () => ground.join(run, known, again, {})), again);
    const kb = (role: Role) => ((full[role] - empty[role]) * 1024) / clients;
    const nodes = (role: "gateway" | "worker") =>
      (role === "gateway" ? facts.gateways : facts.workers).length;
    const { processors, model, node } = describeMachine();
    ground.progress(
      `  ${JSON.stringify({ first: each(loggedIn, clients), login, fetch, update, ping, search })}`,
    );
    return {
      measured: `${new Date().toISOString().slice(0, 10)} on ${processors} × ${model}, Node ${node}`,
      baseMb: { gateway: empty.gateway / nodes("gateway"), worker: empty.worker / nodes("worker") },
      idleCpu: { gateway: idle.gateway / nodes("gateway"), worker: idle.worker / nodes("worker") },
      connectionKb: { gateway: kb("gateway"), redis: Math.max(0, kb("redis")) },
      accountKb: Math.max(0, kb("postgres")),
      micros: { login, fetch, update, ping, search },
    };
  });
}

/**
 * What the calculator says of so many clients who are there and do what people do, beside what they take.
 *
 * @returns rows of a table: what, said, measured
 */
export async function checkSizes(ground: Ground, clients: number): Promise<(string | number)[][]> {
  const costs = readUnitCosts();
  const facts = await ground.facts();
  const foyer = await ground.foyer();
  const before = memoryOf(facts);
  return ground.withRun(clients, async (run) => {
    await ground.join(run, foyer, clients);
    await sleep(SETTLE_MS);
    const after = memoryOf(facts);
    const rates = Object.fromEntries(
      Object.entries(EVERY_S).map(([kind, everyS]) => [kind, clients / everyS]),
    );
    const measured = await perSecond(facts, () => ground.open(run, foyer, rates, CHECK_S));
    // Nobody arrives any more, and nobody has a second tab.
    const { busy } = sizeCluster(
      { attendees: clients, tabs: 1, arrivalSeconds: Number.POSITIVE_INFINITY },
      costs,
    );
    const idleOf = {
      gateway: facts.gateways.length * costs.idleCpu.gateway,
      worker: facts.workers.length * costs.idleCpu.worker,
    };
    const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
    return [
      ...(["gateway", "worker"] as const).map((role) => [
        `processor of all ${role}s`,
        percent(busy[role] + idleOf[role]),
        percent(measured[role]),
      ]),
      ...(["redis", "postgres"] as const).map((role) => [
        `processor of ${role}`,
        percent(busy[role]),
        percent(measured[role]),
      ]),
      [
        "memory that all gateways gain, MB",
        Math.round((clients * costs.connectionKb.gateway) / 1024),
        Math.round(after.gateway - before.gateway),
      ],
    ];
  });
}

/** Writes the table that the calculator reads. */
export function writeUnitCosts(root: string, costs: UnitCosts): void {
  const file = join(root, "deploy", "cli", "unit-costs.json");
  const rounded = JSON.stringify(
    costs,
    (_, value) => (typeof value === "number" ? Number(value.toPrecision(3)) : value),
    2,
  );
  writeFileSync(file, `${rounded}\n`);
}

type ByRole = Record<Role, number>;

/** Processor seconds of each role so far. */
function usedBy(facts: ClusterFacts): ByRole {
  const used: ByRole = { gateway: 0, worker: 0, redis: 0, postgres: 0 };
  for (const [name, pid] of namedPids(facts)) used[name.split(" ")[0] as Role] += cpuSeconds(pid) ?? 0;
  if (facts.postgres_pid !== null) used.postgres = cpuSeconds(facts.postgres_pid, true) ?? 0;
  return used;
}

function memoryOf(facts: ClusterFacts): ByRole {
  const held: ByRole = { gateway: 0, worker: 0, redis: 0, postgres: 0 };
  for (const [name, pid] of namedPids(facts)) held[name.split(" ")[0] as Role] += residentMb(pid) ?? 0;
  if (facts.postgres_pid !== null) held.postgres = residentMb(facts.postgres_pid, true) ?? 0;
  return held;
}

async function perSecond(facts: ClusterFacts, work: () => Promise<unknown>): Promise<ByRole> {
  const [before, began] = [usedBy(facts), performance.now()];
  await work();
  const seconds = (performance.now() - began) / 1000;
  const after = usedBy(facts);
  return map((role) => (after[role] - before[role]) / seconds);
}

/** What `work` took beyond what idle nodes take in the same time. */
async function during(facts: ClusterFacts, idle: ByRole, work: () => Promise<unknown>): Promise<ByRole> {
  const began = performance.now();
  const taken = await perSecond(facts, work);
  const seconds = (performance.now() - began) / 1000;
  return map((role) => Math.max(0, taken[role] - idle[role]) * seconds);
}

/** µs of one. */
function each(used: ByRole, count: number): Costs {
  return map((role) => (used[role] * 1e6) / count);
}

function map(value: (role: Role) => number): ByRole {
  return Object.fromEntries(roles.map((role) => [role, value(role)])) as ByRole;
}
