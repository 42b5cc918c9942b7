/**
 * `conference`: a morning. People arrive, most at nine; their tabs ping; some edit their profile, look who is there,
 * search; a moderator bans; and in the middle of it the cluster is deployed anew, gateway by gateway.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterFacts } from "../cluster.ts";
import { gather, type Load } from "./load.ts";

/** What the command line says about it. */
export interface ConferenceOptions {
  /** What deploys the cluster anew; undefined: its gateways are sent SIGTERM, where they may be. */
  deployCommand: string | undefined;
}

/** Shares of the time. */
const ARRIVAL = 0.5;
const DEPLOY_AT = 0.6;
const STEPS = 10;
/** Bans, and who gets banned: the trouble is a small part of everybody. */
const BAN_EVERY_S = 5;
/** After a deploy clients come back within so long. */
const COME_BACK_MS = 2_000;
/** What each who is there does, once in so many seconds. */
const EVERY_S = { ping: 25, fetch: 60, list: 120, search: 120, update: 300 } as const;
const SEGMENT_S = 5;
const GRACE_MS = 15_000;
const TOLD_MS = 30_000;
const LOOK_EVERY_MS = 200;

/** What is no failure: those who were banned are cut off, and who comes back may first find a gateway that goes. */
export const expectedOutcomes =
  /^connection: closed with 4000$|^come back: |^(?!ban)[a-z]+: closed with 4000$/;

/** Runs it. */
export async function runConference(
  load: Load,
  { deployCommand }: ConferenceOptions,
): Promise<Record<string, unknown>> {
  const { run, target, clients, first, seconds } = load;
  const bans = target.key === null ? 0 : Math.max(run.crew.size, Math.floor((seconds * 0.8) / BAN_EVERY_S));
  if (target.key === null) run.note("no key to sign tokens with (--secret): nobody moderates");
  else await gatherModerators(load, bans);
  const crowd = clients - (target.key === null ? 0 : bans + run.crew.size);
  const over = new AbortController();
  const arriving = arrive(load, crowd, first + clients, seconds * ARRIVAL);
  const moderating =
    bans === 0
      ? null
      : run.crew.open({
          group: "moderators",
          victims: "troublemakers",
          rates: { ban: bans / (seconds * 0.8) },
          seconds: seconds * 0.8,
          graceMs: GRACE_MS,
        });
  const deploying = sleep(seconds * DEPLOY_AT * 1000).then(() => deploy(load, deployCommand));
  const using = use(load, over.signal);
  await sleep(seconds * 1000);
  const [joined] = await Promise.all([arriving, moderating, deploying]);
  over.abort();
  await using;
  await untilBack(load, joined);
  return { people: joined, bans };
}

async function gatherModerators(load: Load, bans: number): Promise<void> {
  const { run, target, seed, first } = load;
  const key = target.key!;
  const people = { kind: "token" as const, seed: `${seed}-moderator`, key, traits: ["moderator"] };
  await gather(load, { group: "moderators", count: run.crew.size, people, comeBackMs: COME_BACK_MS });
  const trouble = { kind: "guest" as const, seed: `${seed}-trouble` };
  await gather(load, { group: "troublemakers", first, count: bans, people: trouble });
}

/** Few at first, most in the middle: the square of a sine. */
async function arrive(load: Load, count: number, first: number, seconds: number): Promise<number> {
  load.run.note(`${count} arrive within ${Math.round(seconds)} s`);
  const share = (step: number) => step / STEPS - Math.sin((2 * Math.PI * step) / STEPS) / (2 * Math.PI);
  let joined = 0;
  for (let step = 0; step < STEPS; step++) {
    const [from, to] = [step, step + 1].map((each) => Math.round(count * share(each)));
    const some = to! - from!;
    const began = performance.now();
    if (some > 0) {
      const pace = { rate: some / (seconds / STEPS) };
      const result = await gather(load, {
        group: "crowd",
        first: first + from!,
        count: some,
        pace,
        comeBackMs: COME_BACK_MS,
      });
      joined += result.joined;
    }
    await sleep(Math.max(0, (seconds / STEPS) * 1000 - (performance.now() - began)));
  }
  load.run.note(`${joined} have arrived`);
  return joined;
}

/** Those who are there do what they do, a few seconds at a time, as they become more. */
async function use({ run }: Load, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const connected = await run.crew.count("crowd");
    if (connected < run.crew.size) {
      await sleep(LOOK_EVERY_MS);
      continue;
    }
    const rates = Object.fromEntries(
      Object.entries(EVERY_S).map(([kind, everyS]) => [kind, connected / everyS]),
    );
    await run.crew.open({ group: "crowd", rates, seconds: SEGMENT_S, graceMs: GRACE_MS });
  }
}

async function deploy({ run, target }: Load, command: string | undefined): Promise<void> {
  if (command !== undefined) {
    run.note(`deploy: ${command}`);
    const child = spawn(command, { shell: true, stdio: ["ignore", "ignore", "inherit"] });
    const [status] = await once(child, "close");
    if (status !== 0) run.broken.push(`the deploy command ended with ${status}`);
    return;
  }
  if (target.facts === null || target.workerPids === null) {
    run.note("no deploy: only a cluster that this run starts is restarted; for others give --deploy-command");
    return;
  }
  for (const [i, { pid }] of (await target.facts()).gateways.entries()) {
    run.note(`deploy: gateway ${i + 1} drains and is started anew`);
    process.kill(pid, "SIGTERM");
    await untilTrue(
      async () => isAnew(await target.facts!().catch(() => null), i, pid),
      `gateway ${i + 1} was not started anew within ${TOLD_MS / 1000} s`,
    );
  }
  run.note("deploy: done");
}

/** Whether the gateway that had this pid has another, and serves: only then the next one may go. */
async function isAnew(facts: ClusterFacts | null, i: number, pid: number): Promise<boolean> {
  const gateway = facts?.gateways[i];
  if (gateway === undefined || gateway.pid === pid) return false;
  const answer = await fetch(`${gateway.ops}/readyz`).catch(() => null);
  return answer?.ok === true;
}

/** After a deploy all have to be there again. */
async function untilBack({ run }: Load, expected: number): Promise<void> {
  const what = `not all ${expected} came back after the deploy`;
  await untilTrue(async () => (await run.crew.count("crowd")) === expected, what).catch((error: Error) => {
    run.broken.push(error.message);
  });
}

async function untilTrue(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + TOLD_MS; !(await condition()); await sleep(LOOK_EVERY_MS)) {
    if (performance.now() > end) throw new Error(what);
  }
}
