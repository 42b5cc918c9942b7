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
  /** Takes more than the address of a part: only a cluster of the runner's own has it. */
  ownOnly?: true;
}

const nodes: readonly Part[] = ["gateway", "worker"];
const blow = [0, 0] as const;
/** Longer than entries stay unclaimed, than a lease runs, than silence is borne. */
const long = [2_500, 7_000] as const;
const short = [200, 7_000] as const;
const ownOnly = true;

/** All kinds; links with a store in their name are those of one node, clocks too. */
const kinds = {
  kill: { parts: ["gateway", "worker", "redis", "postgres"], forMs: blow },
  stop: { parts: ["gateway", "worker", "redis", "postgres"], forMs: long },
  /** SIGTERM. It is over when the next process serves. */
  drain: { parts: nodes, forMs: blow },
  /** Every link to a store is ended by that store, again and again. */
  sever: { parts: ["redis", "postgres"], forMs: [100, 3_000] },
  /** Redis loses its data, and runs on. */
  flush: { parts: ["redis"], forMs: blow },
  /** Redis comes back without its data. */
  empty: { parts: ["redis"], forMs: blow, ownOnly },
  "cut-redis": { parts: nodes, forMs: short, ownOnly },
  "freeze-redis": { parts: nodes, forMs: short, ownOnly },
  "freeze-redis-up": { parts: nodes, forMs: short, ownOnly },
  "freeze-redis-down": { parts: nodes, forMs: short, ownOnly },
  "lose-redis": { parts: nodes, forMs: short, ownOnly },
  "hold-redis": { parts: nodes, forMs: short, ownOnly },
  "hold-redis-up": { parts: nodes, forMs: short, ownOnly },
  "hold-redis-down": { parts: nodes, forMs: short, ownOnly },
  "cut-postgres": { parts: ["worker"], forMs: short, ownOnly },
  "freeze-postgres": { parts: ["worker"], forMs: short, ownOnly },
  "freeze-postgres-up": { parts: ["worker"], forMs: short, ownOnly },
  "freeze-postgres-down": { parts: ["worker"], forMs: short, ownOnly },
  "lose-postgres": { parts: ["worker"], forMs: short, ownOnly },
  "hold-postgres": { parts: ["worker"], forMs: short, ownOnly },
  "slow-postgres": { parts: ["worker"], forMs: [2_000, 6_000], amount: [20, 400], ownOnly },
  "slow-redis": { parts: nodes, forMs: [2_000, 6_000], amount: [20, 200], ownOnly },
  "full-postgres": { parts: ["postgres"], forMs: [1_000, 5_000], ownOnly },
  clock: { parts: nodes, forMs: [1_000, 5_000], amount: [-7_200_000, 7_200_000], ownOnly },
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

/** What can be done to a cluster of which only the ready file is known. */
export const outsideKinds = kindNames.filter((kind) => !("ownOnly" in kinds[kind]));

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

/** Longer than anything may take to recover, so that each fault is measured by itself. */
const TOUR_GAP_MS = 7_000;
/** Shorter than some of what is noticed by silence, longer than a claim takes. */
const TOUR_MS = 4_000;

/** Every kind on every part once, one after the other; and then every two of the parts killed at once. */
export function makeTour({ gateways, workers }: Parts, allowed: readonly FaultKind[] = kindNames): Fault[] {
  const targets = { gateway: gateways[0]!, worker: workers[0]!, redis: "redis", postgres: "postgres" };
  const singles = allowed.flatMap((kind) => {
    const { parts, forMs, amount = [0, 0] }: KindOfFault = kinds[kind];
    const middle = Math.round((amount[0] + amount[1]) / 2);
    return parts.map((part) => [
      { kind, target: targets[part], forMs: Math.min(TOUR_MS, forMs[1]), amount: middle },
    ]);
  });
  const parts = allowed.includes("kill") ? kinds.kill.parts : [];
  const pairs = parts.flatMap((one, i) =>
    parts
      .slice(i + 1)
      .map((other) =>
        [one, other].map((part) => ({ kind: "kill" as const, target: targets[part], forMs: 0, amount: 0 })),
      ),
  );
  let at = FIRST_MS;
  return [...singles, ...pairs].flatMap((together) => {
    const faults = together.map((fault) => ({ ...fault, at }));
    at = Math.max(...faults.map(endOf)) + TOUR_GAP_MS;
    return faults;
  });
}

/** When a fault is over. */
export function endOf(fault: Fault): number {
  return fault.at + fault.forMs;
}

/** A fault in one line. */
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
