/** What will happen when: a seed → a schedule of faults. Pure; the cluster is only told of in names. */
import { createRandom, type Random } from "./random.ts";

/** The parts of a cluster that something can happen to. */
export type Part = "gateway" | "worker" | "redis" | "postgres";

/** One fault of the schedule. Times are in ms from the start of the load. */
export interface Fault {
  kind: FaultKind;
  /** A node's name, or a store's. */
  target: string;
  at: number;
  /** How long it lasts; 0: it is over with the blow. */
  forMs: number;
  /** What the kind makes of it: ms of delay or of a clock's jump. */
  amount: number;
}

/** What can happen, to which parts, and how long it lasts. */
interface KindOfFault {
  parts: readonly Part[];
  forMs: readonly [min: number, max: number];
  amount?: readonly [min: number, max: number];
}

const nodes: readonly Part[] = ["gateway", "worker"];
const blow = [0, 0] as const;
/** Longer than entries stay unclaimed, than a lease runs, than silence is borne. */
const long = [2_500, 7_000] as const;
const short = [200, 7_000] as const;

/** All kinds; links are those of one node, clocks too. */
export const kinds = {
  kill: { parts: ["gateway", "worker", "redis", "postgres"], forMs: blow },
  stop: { parts: ["gateway", "worker", "redis", "postgres"], forMs: long },
  /** Redis comes back without its data. */
  empty: { parts: ["redis"], forMs: blow },
  "cut-redis": { parts: nodes, forMs: short },
  "freeze-redis": { parts: nodes, forMs: short },
  "freeze-redis-up": { parts: nodes, forMs: short },
  "freeze-redis-down": { parts: nodes, forMs: short },
  "lose-redis": { parts: nodes, forMs: short },
  "hold-redis": { parts: nodes, forMs: short },
  "hold-redis-up": { parts: nodes, forMs: short },
  "hold-redis-down": { parts: nodes, forMs: short },
  "cut-postgres": { parts: ["worker"], forMs: short },
  "freeze-postgres": { parts: ["worker"], forMs: short },
  "freeze-postgres-up": { parts: ["worker"], forMs: short },
  "freeze-postgres-down": { parts: ["worker"], forMs: short },
  "lose-postgres": { parts: ["worker"], forMs: short },
  "hold-postgres": { parts: ["worker"], forMs: short },
  "slow-postgres": { parts: ["worker"], forMs: [2_000, 6_000], amount: [20, 400] },
  "slow-redis": { parts: nodes, forMs: [2_000, 6_000], amount: [20, 200] },
  "full-postgres": { parts: ["postgres"], forMs: [1_000, 5_000] },
  clock: { parts: nodes, forMs: [1_000, 5_000], amount: [-7_200_000, 7_200_000] },
} as const satisfies Record<string, KindOfFault>;

export type FaultKind = keyof typeof kinds;

/** The nodes of a cluster, by name. */
export interface Parts {
  gateways: readonly string[];
  workers: readonly string[];
}

/** From one fault's end to the next one's start. Mostly long enough to see whether all is well again. */
const GAP_MS = [1_000, 7_000] as const;
const FIRST_MS = 1_500;
/** Two at once show what neither does alone. */
const TWO_AT_ONCE = 0.25;

/** Names of all kinds. */
export const kindNames = Object.keys(kinds) as FaultKind[];

/**
 * Makes the schedule of one run.
 *
 * @param allowed kinds to choose from
 * @param lastMs no fault ends later
 */
export function makePlan(
  seed: number,
  lastMs: number,
  parts: Parts,
  allowed: readonly FaultKind[] = kindNames,
): Fault[] {
  const random = createRandom(seed);
  const plan: Fault[] = [];
  // Every kind has its turn before one comes again.
  let bag: FaultKind[] = [];
  const draw = (at: number): Fault => {
    if (bag.length === 0) bag = [...allowed];
    const kind = bag.splice(random.whole(0, bag.length - 1), 1)[0]!;
    return drawFault(random, kind, at, parts);
  };
  for (let at = FIRST_MS; ; ) {
    const fault = draw(at);
    const together = [fault];
    if (random.chance(TWO_AT_ONCE)) together.push(draw(at + random.whole(0, Math.max(500, fault.forMs))));
    const end = Math.max(...together.map(endOf));
    if (end > lastMs) return plan;
    plan.push(...together);
    at = end + random.whole(...GAP_MS);
  }
}

/** When a fault is over. */
export function endOf(fault: Fault): number {
  return fault.at + fault.forMs;
}

/** A fault in one line, in the form that `--plan` takes. */
export function formatFault({ kind, target, at, forMs, amount }: Fault): string {
  return `${kind} ${target} at ${at} for ${forMs}${amount === 0 ? "" : ` by ${amount}`}`;
}

function drawFault(random: Random, kind: FaultKind, at: number, { gateways, workers }: Parts): Fault {
  const { parts, forMs, amount }: KindOfFault = kinds[kind];
  const part = random.pick(parts);
  const target = part === "gateway" ? random.pick(gateways) : part === "worker" ? random.pick(workers) : part;
  return {
    kind,
    target,
    at,
    forMs: random.whole(...forMs),
    amount: amount === undefined ? 0 : random.whole(...amount),
  };
}
