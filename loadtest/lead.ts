/** Leads a scenario from its options to its report: finds the target, starts generators, writes what came out. */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { progress as say, stopSignal } from "../shared/command-line.ts";
import { startCluster, type Target, targetOfReadyFile, targetOfUrls } from "./cluster.ts";
import type { LoadOptions, TargetOptions } from "./options.ts";
import { renderRunPage } from "./page/run-page.ts";
import { formatReport, type Report } from "./report.ts";
import { compareResults, parseResult, type RunResult, tableOf } from "./result.ts";
import { Run } from "./run.ts";
import type { Load } from "./scenarios/load.ts";
import { generatorsFor } from "./source-address.ts";

/** A scenario over generators. */
export interface Scenario {
  name: string;
  /** Defaults, and those of `--short`. */
  clients: number;
  shortClients: number;
  seconds: number;
  shortSeconds: number;
  /** Does it; the figures that came out. */
  work(load: Load): Promise<Record<string, unknown>>;
  /** What may fail, as `kind: outcome`. */
  expected?: RegExp;
  /** What nodes of a cluster of our own are set to. */
  environment?: Record<string, string>;
}

const stopping = stopSignal();

/** A line on stderr: stdout is for results. */
export const progress = (line: string) => {
  clearLive();
  say(line);
};

/** Drawn over where somebody looks, else now and then. */
const LIVE_EVERY = 5;
let lines = 0;
let isLive = false;
const live = (line: string) => {
  if (process.stderr.isTTY) {
    clearLive();
    process.stderr.write(line.slice(0, Math.max(20, (process.stderr.columns ?? 80) - 1)));
    isLive = true;
  } else if (lines++ % LIVE_EVERY === LIVE_EVERY - 1) process.stderr.write(`  ${line}\n`);
};
function clearLive(): void {
  if (isLive) process.stderr.write("\r\u001b[2K");
  isLive = false;
}

/** Runs `work` against the cluster that the options name, which is stopped afterwards if it is ours. */
export async function onTarget<T>(
  options: TargetOptions,
  work: (target: Target) => Promise<T>,
  environment: Record<string, string> = {},
): Promise<T> {
  const target = await findTarget(options, environment);
  try {
    const interrupted = new Promise<never>((_resolve, reject) => {
      stopping.addEventListener("abort", () => reject(new Error("stopped before the end")));
    });
    return await Promise.race([work(target), interrupted]);
  } finally {
    clearLive();
    await target.stop();
  }
}

/** Runs a scenario of the project's older kind, which makes its own report; prints it and sets the exit status. */
export async function report(
  options: TargetOptions,
  work: (target: Target) => Promise<Report>,
): Promise<void> {
  const found = await onTarget(options, work);
  process.stdout.write(formatReport(found, options.json === true));
  if (found.broken.length > 0) process.exitCode = 1;
}

/** Runs a scenario over generators, and writes its report wherever it was asked for. */
export async function lead(
  scenario: Scenario,
  options: LoadOptions & { connections?: number },
): Promise<void> {
  const then = options.compare === undefined ? null : readResult(options.compare);
  const result = await onTarget(
    options,
    (target) => runScenario(scenario, options, target),
    scenario.environment,
  );
  publish(result, options, then);
}

/** Runs it against this target. */
export async function runScenario(
  scenario: Scenario,
  options: LoadOptions & { connections?: number },
  target: Target,
): Promise<RunResult> {
  const { short, share } = options;
  const all = options.clients ?? options.connections ?? (short ? scenario.shortClients : scenario.clients);
  const first = Math.floor((all * share.index) / share.of);
  const clients = Math.floor((all * (share.index + 1)) / share.of) - first;
  const seconds = options.seconds ?? (short ? scenario.shortSeconds : scenario.seconds);
  const wanted = options.generators ?? Math.max(1, availableParallelism() >> 1);
  const nodes = target.facts === null ? undefined : target.urls.length;
  const generators = generatorsFor(clients, wanted, nodes);
  const run = await Run.start(target, { generators, ops: options.ops ?? [], progress, live });
  try {
    const seed = options.seed ?? Date.now().toString(36);
    const figures = await scenario.work({
      run,
      target,
      clients,
      first,
      seconds,
      atOnce: options.atOnce,
      seed,
    });
    await run.end();
    const shown = {
      clients,
      seconds,
      generators,
      share: `${share.index}/${share.of}`,
      urls: target.urls.length,
    };
    return run.result(scenario.name, shown, figures, scenario.expected);
  } finally {
    await run.end();
  }
}

/** Prints the table, writes files; the exit status says whether all promises were kept. */
export function publish(
  result: RunResult,
  { out, html, json }: { [name in "out" | "html"]?: string | undefined } & Pick<LoadOptions, "json">,
  then: RunResult | null,
): void {
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(result)}\n`);
  if (html !== undefined) writeFileSync(html, renderRunPage(result, then));
  const { scenario, figures, broken, bottleneck } = result;
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const shown = Object.entries(figures).filter(([, value]) => typeof value !== "object" && value !== null);
    const head = [scenario, ...shown.map(([name, value]) => `${name} ${value}`)].join(", ");
    process.stdout.write(formatReport({ scenario: head, ...tableOf(result), figures: {}, broken }, false));
    if (bottleneck !== null) process.stdout.write(`NOTE: ${bottleneck}\n`);
    if (then !== null) {
      const compared = compareResults(then, result);
      process.stdout.write(
        `\n${formatReport({ scenario: "compared", ...compared, figures: {}, broken }, false)}`,
      );
    }
  }
  if (broken.length > 0) process.exitCode = 1;
}

/** Reads what `--out` wrote. */
export function readResult(file: string): RunResult {
  return parseResult(readFileSync(file, "utf8"), file);
}

async function findTarget(
  { readyFile, url, secret, issuer, audience }: TargetOptions,
  environment: Record<string, string>,
): Promise<Target> {
  const key = secret === undefined ? null : { secret, issuer, audience: audience ?? "load" };
  if (url !== undefined) return targetOfUrls(url, key);
  if (readyFile !== undefined) return targetOfReadyFile(readyFile, key);
  progress("starting a cluster with temporary data");
  // biome-ignore lint/style/noProcessEnv: the cluster that is started here inherits the environment
  return startCluster({ environment: { ...process.env, ...environment }, signal: stopping });
}
