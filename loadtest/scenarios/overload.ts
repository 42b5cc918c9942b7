/**
 * `overload`: what the cluster carries, then twice that, whether or not it is answered. It has to answer what it can,
 * refuse the rest quickly, keep its memory, keep banning and answering pings, and be as fast as ever once the load
 * goes.
 */
import type { Histogram } from "hdr-histogram-js";
import { runClosedLoop } from "../closed-loop.ts";
import type { Target } from "../cluster.ts";
import { type Guest, inParallel, logIn } from "../guest.ts";
import { type OpenLoopResult, runOpenLoop } from "../open-loop.ts";
import { makeToken } from "../operator.ts";
import { createHistogram, type Report, round, summarize } from "../report.ts";
import { banAll, type Peaks, pingAlong, probeQuiet, untilNormal, watchMemory } from "./overload-witnesses.ts";

/** What the command line says about it. */
export interface OverloadOptions {
  connections: number;
  /** Seconds of overload. */
  seconds: number;
  /** Seconds in which it is found out what the cluster carries. */
  measureSeconds: number;
  /** How much of that is offered. */
  factor: number;
  atOnce: number;
  /** Whether durations and shares are judged, or only shown: for a machine that others use meanwhile. */
  judgesSpeed: boolean;
  progress: (line: string) => void;
}

/** One command in so many is a `user.update`, the others are `user.fetch`. */
const UPDATE_EVERY = 5;
const BANS_A_SECOND = 2;
const GRACE_MS = 12_000;
/** The share of what was offered that is as good as all. */
const ANSWERED = 0.8;

/** What breaks the promises; all of it but the first is generous, since the generator shares the machine. */
const bounds = {
  /** Of what the cluster carries, the share that is answered with success. */
  goodput: 0.5,
  refusalP50Ms: 800,
  refusalP95Ms: 2_500,
  refusalP99Ms: 4_000,
  acceptedP99Ms: 4_000,
  banMedianMs: 1_500,
  banMaxMs: 4_000,
  pingP99Ms: 1_000,
  timeouts: 0.001,
  recoverySeconds: 2,
  grownMb: 200,
} as const;

const REFUSALS = ["server.overloaded", "protocol.rate_limited"];

/** Runs it against a cluster. */
export async function runOverload(target: Target, options: OverloadOptions): Promise<Report> {
  const { connections, seconds, factor, atOnce, progress } = options;
  if (target.facts === null) throw new Error("overload bans and reads memory: give --ready-file, not --url");
  const facts = await target.facts();
  const url = (index: number) => target.urls[index % target.urls.length]!;
  progress(`logging ${connections} guests in`);
  const guests = await inParallel(connections, atOnce, (i) => logIn(url(i)));
  const victims = await inParallel(Math.ceil(seconds * BANS_A_SECOND), atOnce, (i) => logIn(url(i)));
  const token = await makeToken(facts, "overload-moderator", ["moderator"]);
  const moderator = await logIn(url(0), { token });
  const [pinger, prober] = [await logIn(url(0)), await logIn(url(1))];
  try {
    const carries = await measure(guests, options);
    progress(`it carries ${Math.round(carries)} commands a second`);
    const normalMs = Math.max(50, 3 * (await probeQuiet(prober, 20)));

    const rate = carries * factor;
    progress(`offering ${Math.round(rate)} a second for ${seconds} s`);
    const over = new AbortController();
    const witnesses = Promise.all([
      banAll(moderator, victims, over.signal),
      pingAlong(pinger, over.signal),
      watchMemory(facts, over.signal),
    ]);
    const load = runOpenLoop({
      connections: guests.map(({ connection }) => connection),
      frame: (index, n) => frameOf(guests[index]!, n),
      rate,
      seconds,
      graceMs: GRACE_MS,
    });
    const recovered = new Promise<number | null>((resolve) => {
      setTimeout(() => resolve(untilNormal(prober, normalMs, GRACE_MS)), seconds * 1000);
    });
    const [result, recovery] = await Promise.all([load, recovered]);
    over.abort();
    const [bans, pings, peaks] = await witnesses;
    const found = { carries, rate, normalMs, result, recovery, bans, pings, peaks };
    return createReport(found, options);
  } finally {
    for (const { connection } of [...guests, ...victims, moderator, pinger, prober]) connection.close();
  }
}

function frameOf({ user }: Guest, n: number): string {
  return n % UPDATE_EVERY === 0
    ? `["user.update",${n},{"profile":{"n":${n}}}]`
    : `["user.fetch",${n},{"id":"${user}"}]`;
}

/** What it carries: each guest asks again once it is answered. */
async function measure(guests: Guest[], { measureSeconds }: OverloadOptions): Promise<number> {
  const { rate, failures } = await runClosedLoop({
    connections: guests.map(({ connection }) => connection),
    // The guests count each for itself, and all alike: their turns are spread.
    frame: (index, n) => frameOf(guests[index]!, n * UPDATE_EVERY + ((index + n) % UPDATE_EVERY)),
    judge: (_index, _n, text) =>
      text.startsWith('["success",') || (text.startsWith('["error",') ? text.slice(0, 120) : null),
    warmUpMs: 1_000,
    measureMs: measureSeconds * 1000,
  });
  const [failed] = failures;
  if (failed) throw new Error(`before any overload a command was answered with ${failed[0]}`);
  return rate;
}

interface Found {
  carries: number;
  rate: number;
  normalMs: number;
  result: OpenLoopResult;
  recovery: number | null;
  bans: Awaited<ReturnType<typeof banAll>>;
  pings: Histogram;
  peaks: Peaks;
}

function createReport(found: Found, { connections, factor, judgesSpeed }: OverloadOptions): Report {
  const { result, bans, pings, peaks } = found;
  const accepted = summarize(result.outcomes.get("success") ?? createHistogram());
  const refusals = createHistogram();
  for (const code of REFUSALS) refusals.add(result.outcomes.get(code) ?? createHistogram());
  const refused = summarize(refusals);
  const goodput = accepted.count / result.seconds;
  const timeouts = result.outcomes.get("server.timeout")?.totalCount ?? 0;
  const outcomes = Object.fromEntries([...result.outcomes].map(([name, h]) => [name, h.totalCount]));
  const figures = {
    connections,
    carries: Math.round(found.carries),
    offered: Math.round(result.sent / result.seconds),
    goodput: Math.round(goodput),
    outcomes,
    unanswered: result.unanswered,
    accepted,
    refused,
    bans: { ...summarize(bans.times), refused: bans.refused },
    pings: summarize(pings),
    normalMs: round(found.normalMs),
    recoverySeconds: found.recovery === null ? null : round(found.recovery),
    rssMb: Object.fromEntries(
      [...peaks.rssMb].map(([name, { before, most }]) => [name, [round(before), round(most)]]),
    ),
    redisMb: [round(peaks.redisMb.before), round(peaks.redisMb.most)],
    streamEntries: peaks.streamEntries,
    backlog: peaks.backlog,
  };
  const row = (name: string, l: ReturnType<typeof summarize>) => [name, l.count, l.p50, l.p95, l.p99, l.max];
  return {
    scenario:
      `overload, carries ${figures.carries}/s, offered ${figures.offered}/s, answered ${figures.goodput}/s, ` +
      `normal again after ${figures.recoverySeconds} s, at most ${figures.backlog} commands in the stream`,
    columns: ["", "count", "p50 ms", "p95 ms", "p99 ms", "max ms"],
    rows: [
      row("answered", accepted),
      row("refused", refused),
      row("bans", figures.bans),
      row("pings", figures.pings),
      ...[...peaks.rssMb].map(([name, { before, most }]) => [
        `${name}, MB before and most`,
        round(before),
        round(most),
        "",
        "",
        "",
      ]),
    ],
    figures,
    broken: [
      ...brokenPromises(figures, found, factor),
      ...(judgesSpeed ? brokenSpeeds(figures, found, timeouts) : []),
    ],
  };
}

type Figures = {
  accepted: ReturnType<typeof summarize>;
  refused: ReturnType<typeof summarize>;
  bans: ReturnType<typeof summarize>;
  pings: ReturnType<typeof summarize>;
  goodput: number;
  outcomes: Record<string, number>;
};

/** What holds on any machine, however busy. */
function brokenPromises(figures: Figures, found: Found, factor: number): string[] {
  const { result, bans, recovery, peaks } = found;
  const { refused, goodput, outcomes } = figures;
  const broken = [...bans.failures];
  const hold = (holds: boolean, what: string) => void (holds || broken.push(what));
  const expected = new Set(["success", "server.timeout", ...REFUSALS]);
  for (const [code, count] of Object.entries(outcomes)) {
    hold(expected.has(code), `${count} commands were answered with ${code}`);
  }
  hold(result.unanswered === 0, `${result.unanswered} commands were never answered`);
  hold(result.closed === 0, `${result.closed} connections were closed`);
  hold((outcomes.success ?? 0) > 0, "nothing was done");
  // A machine that others left meanwhile may carry more than was measured.
  const isAnswered = goodput >= (ANSWERED * result.sent) / result.seconds;
  hold(factor < 1.5 || refused.count > 0 || isAnswered, "little was answered, and nothing was refused");
  hold(figures.bans.count > 0, "nobody was banned");
  hold(figures.pings.count > 0, "no ping was answered");
  hold(recovery !== null, `not normal again ${GRACE_MS / 1000} s after the load went`);
  for (const [name, { before, most }] of [...peaks.rssMb, ["redis' data", peaks.redisMb] as const]) {
    hold(most - before <= bounds.grownMb, `${name} grew from ${round(before)} to ${round(most)} MB`);
  }
  return broken;
}

/** What takes longer, or is less, than it may on a machine that nobody else uses. */
function brokenSpeeds(figures: Figures, found: Found, timeouts: number): string[] {
  const { result, carries, recovery } = found;
  const { accepted, refused, goodput } = figures;
  const broken: string[] = [];
  const hold = (holds: boolean, what: string) => void (holds || broken.push(what));
  hold(goodput >= carries * bounds.goodput, `of ${Math.round(carries)}/s only ${goodput}/s were answered`);
  hold(timeouts <= result.sent * bounds.timeouts, `${timeouts} commands timed out instead of being refused`);
  hold(accepted.p99 <= bounds.acceptedP99Ms, `answers took ${accepted.p99} ms (p99)`);
  hold(refused.p50 <= bounds.refusalP50Ms, `refusals took ${refused.p50} ms (p50)`);
  hold(refused.p95 <= bounds.refusalP95Ms, `refusals took ${refused.p95} ms (p95)`);
  hold(refused.p99 <= bounds.refusalP99Ms, `refusals took ${refused.p99} ms (p99)`);
  hold(figures.bans.p50 <= bounds.banMedianMs, `bans took ${figures.bans.p50} ms (median)`);
  hold(figures.bans.max <= bounds.banMaxMs, `a ban took ${figures.bans.max} ms`);
  hold(figures.pings.p99 <= bounds.pingP99Ms, `pongs took ${figures.pings.p99} ms (p99)`);
  hold(
    recovery === null || recovery <= bounds.recoverySeconds,
    `normal again only ${recovery} s after the load went`,
  );
  return broken;
}
