/**
 * How large a cluster has to be: unit costs times how many of each there are at the worst moment. Pure.
 * docs/sizing.md says it in words.
 */
import type { Role, UnitCosts } from "./unit-costs.ts";

/** A conference. */
export interface Conference {
  attendees: number;
  /** Connections of one attendee. */
  tabs: number;
  /** Seconds in which they arrive. */
  arrivalSeconds: number;
}

/** What it takes. */
export interface Sizing {
  connections: number;
  /** A second, at the worst moment. */
  peak: { logins: number; commands: number; updates: number; deliveries: number; pings: number };
  /** Processors that are busy at the worst moment. */
  busy: Record<Role, number>;
  pods: { gateway: number; worker: number };
  /** MB of each pod at the worst moment, and to ask Kubernetes for. */
  podMb: { gateway: number; worker: number };
  redis: { processors: number; mb: number; streams: number };
  postgres: { processors: number; mb: number };
}

/** The rest is for what nobody foresaw: nodes that fail, people who all do the same, a machine that is slower. */
export const FILL = 0.6;
/** Of the people who arrive, most come in the middle: the square of a sine is at most twice its mean. */
const PEAK = 2;
/** How often each connection does what, s; the scenario `conference` does the same. */
export const EVERY_S = { ping: 25, fetch: 60, search: 60, update: 300 } as const;
/** A pod that goes takes as many with it, and they all log in anew. */
const MOST_A_GATEWAY = 25_000;
/** One more than is needed, so that one may go. */
const SPARE = 1;
/** Redis runs scripts and streams on one thread. */
const REDIS_THREADS = 1;
/** Postgres' own, and pages that it keeps in memory. */
const POSTGRES_MB = 512;
const REDIS_MB = 64;

/** Works it out. */
export function sizeCluster(conference: Conference, costs: UnitCosts): Sizing {
  const { attendees, tabs, arrivalSeconds } = conference;
  const connections = Math.ceil(attendees * tabs);
  const a = (everyS: number) => connections / everyS;
  const peak = {
    logins: (connections / arrivalSeconds) * PEAK,
    commands: a(EVERY_S.fetch) + a(EVERY_S.search) + a(EVERY_S.update),
    updates: a(EVERY_S.update),
    deliveries: a(EVERY_S.update) * Math.max(0, tabs - 1),
    pings: a(EVERY_S.ping),
  };
  const { micros } = costs;
  const load = (role: Role) =>
    (peak.logins * micros.login[role] +
      a(EVERY_S.fetch) * micros.fetch[role] +
      a(EVERY_S.search) * micros.search[role] +
      peak.updates * micros.update[role] +
      peak.pings * micros.ping[role]) /
    1e6;
  const busy = {
    gateway: load("gateway"),
    worker: load("worker"),
    redis: load("redis"),
    postgres: load("postgres"),
  };
  const gateways =
    Math.max(2, Math.ceil(busy.gateway / FILL), Math.ceil(connections / MOST_A_GATEWAY)) + SPARE;
  const workers = Math.max(2, Math.ceil(busy.worker / FILL)) + SPARE;
  // One pod may be gone when all are there.
  const each = connections / (gateways - SPARE);
  const gatewayMb = costs.baseMb.gateway + (each * costs.connectionKb.gateway) / 1024;
  const streams = Math.max(1, Math.ceil(busy.redis / (FILL * REDIS_THREADS)));
  return {
    connections,
    peak,
    busy,
    pods: { gateway: gateways, worker: workers },
    podMb: { gateway: Math.ceil(gatewayMb / FILL), worker: Math.ceil(costs.baseMb.worker / FILL) },
    redis: {
      processors: Math.max(1, Math.ceil(busy.redis / FILL)),
      mb: Math.ceil((REDIS_MB + (connections * costs.connectionKb.redis) / 1024) / FILL),
      streams,
    },
    postgres: {
      processors: Math.max(1, Math.ceil(busy.postgres / FILL)),
      mb: Math.ceil((POSTGRES_MB + (attendees * costs.accountKb) / 1024) / FILL),
    },
  };
}

/** What a simulated arrival comes to. */
export interface Simulated {
  gateways: number;
  /** Connections of the fullest gateway. */
  fullest: number;
  /** The most that waited for each role, as seconds of its work. */
  longestWaitS: Record<Role, number>;
  /** Share of what each role could do, in the busiest second. */
  busiest: Record<Role, number>;
}

/**
 * Has everybody arrive, second by second: work that a role cannot do in its second waits for the next.
 *
 * @param nodes processors of each role @param random 0 to 1, for which gateway each connection finds
 */
export function simulateArrival(
  conference: Conference,
  costs: UnitCosts,
  nodes: Readonly<Record<Role, number>>,
  random: () => number = Math.random,
): Simulated {
  const { attendees, tabs, arrivalSeconds } = conference;
  const total = Math.ceil(attendees * tabs);
  const gateways = Array.from({ length: nodes.gateway }, () => 0);
  const waiting: Record<Role, number> = { gateway: 0, worker: 0, redis: 0, postgres: 0 };
  const longestWaitS = { ...waiting };
  const busiest = { ...waiting };
  const arrived = (at: number) => {
    const share = Math.min(1, at / arrivalSeconds);
    return Math.round(total * (share - Math.sin(2 * Math.PI * share) / (2 * Math.PI)));
  };
  for (let second = 0; second < arrivalSeconds; second++) {
    const [before, now] = [arrived(second), arrived(second + 1)];
    for (let i = before; i < now; i++) gateways[Math.floor(random() * gateways.length)]!++;
    const present = { attendees: now / tabs, tabs, arrivalSeconds: 1 };
    const { busy } = sizeCluster(present, withoutLogins(costs));
    for (const role of Object.keys(waiting) as Role[]) {
      const work = busy[role] + ((now - before) * costs.micros.login[role]) / 1e6;
      busiest[role] = Math.max(busiest[role], work / nodes[role]);
      waiting[role] = Math.max(0, waiting[role] + work - nodes[role]);
      longestWaitS[role] = Math.max(longestWaitS[role], waiting[role] / nodes[role]);
    }
  }
  return { gateways: nodes.gateway, fullest: Math.max(...gateways), longestWaitS, busiest };
}

function withoutLogins(costs: UnitCosts): UnitCosts {
  const login = { gateway: 0, worker: 0, redis: 0, postgres: 0 };
  return { ...costs, micros: { ...costs.micros, login } };
}
