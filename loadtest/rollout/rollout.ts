/**
 * `rollout`: every gateway and every worker is replaced under load. No command fails, nothing is lost or shown twice,
 * gateways send their clients away evenly over the drain time, clients do not come back together, and of workers that
 * go nobody notices anything.
 */
import { Redis } from "ioredis";
import { closeCodes } from "../../shared/protocol/close-codes.ts";
import { createKeys } from "../../shared/redis/keys.ts";
import type { TestGateway, TestNode } from "../../shared/testing/node.ts";
import { type Latencies, type Report, round, summarize } from "../report.ts";
import type { Stage } from "../stage.ts";
import { Crowd } from "./crowd.ts";
import { chance, largestShare, unevenness } from "./evenness.ts";
import { type Replaced, replaceAll } from "./replace.ts";
import { Service } from "./service.ts";

export const WORLD = "rollout";
export const rolloutWorld = { world: { id: WORLD, title: "Rollout" } };

/** What the command line says about it. */
export interface RolloutOptions {
  connections: number;
  /** Commands a second. */
  rate: number;
  nodes: number;
  drainSeconds: number;
  atOnce: number;
  order: "gateways-first" | "workers-first";
  /** The command line of the build that replaces this one; undefined: the same again. */
  next: string | undefined;
  progress: (line: string) => void;
}

/** `spreadMs` of the client: over so long it comes back after a 1012. */
const SPREAD_MS = 2_000;

/** By how much a busy machine may be late. */
const LATE_MS = 500;

/** Load before, between and after. */
const CALM_MS = 1_000;

/** What runs at the end. */
export interface RolledOut {
  report: Report;
  gateways: TestGateway[];
  workers: TestNode[];
}

/** Runs it on a stage; its nodes run on afterwards. */
export async function runRollout(stage: Stage, options: RolloutOptions): Promise<RolledOut> {
  const { connections, rate, nodes, drainSeconds, atOnce, order, next, progress } = options;
  const drain = { FOYER_DRAIN_SECONDS: String(drainSeconds) };
  const many = <T>(one: () => Promise<T>) => Promise.all(Array.from({ length: nodes }, one));
  let [gateways, workers] = await Promise.all([
    many(() => stage.startGateway(drain)),
    many(() => stage.startWorker()),
  ]);
  const service = new Service(WORLD);
  const crowd = new Crowd(service);
  for (const gateway of gateways) service.add(gateway);
  const over = new AbortController();
  const moved: Replaced<TestGateway>[] = [];
  const broken: string[] = [];
  try {
    progress(`logging ${connections >> 1} users in, twice each`);
    await crowd.gather(connections, atOnce);
    progress(`${rate} commands a second`);
    const calling = crowd.callAtRate(rate, over.signal);
    await calm();
    const replaceGateways = async () => {
      progress("replacing the gateways");
      moved.push(
        ...(await replaceAll({
          nodes: gateways,
          start: () => stage.startGateway(drain, next),
          started: (fresh) => service.add(fresh),
          gone: (old) => service.remove(old),
        })),
      );
      gateways = moved.map(({ fresh }) => fresh);
      await new Promise((resolve) => setTimeout(resolve, SPREAD_MS));
    };
    const replaceWorkers = async () => {
      progress("replacing the workers");
      const before = [service.ended.length, service.resent];
      const replaced = await replaceAll({ nodes: workers, start: () => stage.startWorker({}, next) });
      workers = replaced.map(({ fresh }) => fresh);
      await calm();
      if (service.ended.length > before[0]!) broken.push("connections ended when a worker was replaced");
      if (service.resent > before[1]!) broken.push("commands were sent again when a worker was replaced");
    };
    const steps = [replaceGateways, replaceWorkers];
    for (const step of order === "gateways-first" ? steps : steps.reverse()) await step();
    await calm();
    over.abort();
    await calling;
    progress("comparing with what is stored");
    await crowd.compare(atOnce);
  } finally {
    over.abort();
    crowd.leave();
  }
  broken.push(...judge(service, crowd, moved, options), ...(await judgeDeadLetters(stage)));
  return { report: createReport(service, crowd, moved, options, broken), gateways, workers };
}

function calm(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, CALM_MS));
}

function judge(
  service: Service,
  crowd: Crowd,
  moved: readonly Replaced<TestGateway>[],
  { drainSeconds }: RolloutOptions,
): string[] {
  const drainMs = drainSeconds * 1_000;
  const broken = [...crowd.broken].map(([what, times]) => `${what} (${times} times)`);
  const others = service.ended.filter(({ code }) => code !== closeCodes.restart);
  if (others.length > 0) broken.push(`${others.length} connections ended with ${others[0]!.code}`);
  for (const { moments, uneven } of drains(service, moved, drainMs)) {
    if (moments.length === 0) broken.push("a gateway had no connections: nothing was tried");
    const most = LATE_MS / drainMs + 1 / Math.sqrt(Math.max(1, moments.length));
    if (uneven > most)
      broken.push(`closes are ${uneven} from even over the drain time, ${round(most)} allowed`);
  }
  const unevenWaits = unevenness(crowd.waits, SPREAD_MS);
  if (unevenWaits > chance(crowd.waits.length)) {
    broken.push(`clients' waits are ${round(unevenWaits)} from even over ${SPREAD_MS} ms`);
  }
  return broken;
}

/** Of each gateway that went: when its connections were closed, from when it was told to end. */
function drains(service: Service, moved: readonly Replaced<TestGateway>[], drainMs: number) {
  return moved.map(({ old, toldAt }) => {
    const moments = service.ended.filter(({ gateway }) => gateway === old).map(({ at }) => at - toldAt);
    return {
      moments,
      uneven: round(unevenness(moments, drainMs)),
      tenth: round(largestShare(moments, drainMs, 10)),
    };
  });
}

async function judgeDeadLetters({ redisUrl, redisPrefix }: Stage): Promise<string[]> {
  const redis = new Redis(redisUrl);
  try {
    const dead = await redis.xlen(createKeys(redisPrefix).deadLetters());
    return dead === 0 ? [] : [`${dead} entries became dead letters`];
  } finally {
    redis.disconnect();
  }
}

function createReport(
  service: Service,
  crowd: Crowd,
  moved: readonly Replaced<TestGateway>[],
  options: RolloutOptions,
  broken: string[],
): Report {
  const { connections, drainSeconds } = options;
  const drainMs = drainSeconds * 1_000;
  const gone = drains(service, moved, drainMs).map(({ moments, uneven, tenth }) => [
    moments.length,
    uneven,
    tenth,
  ]);
  const begun = moved[0]?.toldAt ?? 0;
  const comeBack = service.asked.filter((at) => at > begun).map((at) => at - begun);
  const span = Math.max(1, ...comeBack);
  const busiest = round(largestShare(comeBack, span, Math.ceil(span / 100)) * comeBack.length);
  const figures = {
    connections,
    calls: crowd.calls,
    resent: service.resent,
    turnedAway: service.turnedAway,
    closedPerGateway: gone,
    unevenWaits: round(unevenness(crowd.waits, SPREAD_MS)),
    busiest100ms: busiest,
    answer: summarize(crowd.answers),
    away: summarize(crowd.away),
  };
  const row = (name: string, { count, p50, p95, p99, max }: Latencies) => [name, count, p50, p95, p99, max];
  return {
    scenario: [
      `rollout of ${connections} connections, ${options.order}`,
      `${crowd.calls} commands, ${service.resent} sent again after a reconnect, ${service.turnedAway} upgrades turned away`,
      `closed, distance from even, largest tenth: ${gone.map((each) => each.join("/")).join(" ")}`,
      `waits ${figures.unevenWaits} from even, at most ${busiest} connections asked for in 100 ms`,
    ].join("; "),
    columns: ["", "count", "p50 ms", "p95 ms", "p99 ms", "max ms"],
    rows: [row("answer", figures.answer), row("away", figures.away)],
    figures,
    broken,
  };
}
