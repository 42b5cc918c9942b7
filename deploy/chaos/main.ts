/** `npm run chaos`: a cluster, load, faults at random times that a seed decides, and what broke. */
import { randomInt } from "node:crypto";
import { Command, InvalidArgumentError, Option } from "commander";
import { targetOfReadyFile } from "../../loadtest/cluster.ts";
import { progress, runToEnd, stopSignal, wholeNumber } from "../../shared/command-line.ts";
import { type FaultKind, kindNames, makePlan, makeTour, outsideKinds } from "./plan.ts";
import { formatReport } from "./report.ts";
import { runChaos, secondsFor } from "./run.ts";
import { findRoot } from "./world/build.ts";
import { type ChaosCluster, startChaosCluster } from "./world/cluster.ts";
import { startLocalCluster, takeLocalCluster } from "./world/local-cluster.ts";

interface Options {
  seed?: number;
  seconds?: number;
  faults?: FaultKind[];
  tour?: boolean;
  local?: boolean;
  readyFile?: string;
  accounts?: number;
  gateways: number;
  workers: number;
  short?: boolean;
  durable?: boolean;
  keep?: boolean;
}

/**
 * The load of one account: on a cluster that is somebody else's it stays below its limits for updates, and for logins
 * that fail, as those of banned users do.
 */
const LOADS = {
  own: { everyMs: 100, victims: 4, banEveryMs: 400 },
  foreign: { everyMs: 500, victims: 2, banEveryMs: 5_000 },
};

const signal = stopSignal();

const faultList = (text: string) => {
  const list = text.split(",") as FaultKind[];
  const unknown = list.filter((kind) => !kindNames.includes(kind));
  if (unknown.length === 0) return list;
  throw new InvalidArgumentError(`${unknown.join(", ")}: there are ${kindNames.join(", ")}.`);
};

/** @returns how to come by the cluster, and how many nodes of each kind it has */
async function findCluster(options: Options) {
  const { local, readyFile, gateways, workers, durable = false } = options;
  if (readyFile !== undefined) {
    const target = await targetOfReadyFile(readyFile);
    const facts = await target.facts!();
    const open = () => takeLocalCluster(target, progress);
    return { gateways: facts.gateways.length, workers: facts.workers.length, open };
  }
  const how = { gateways, workers, durable, progress };
  const open = (): Promise<ChaosCluster> =>
    local ? startLocalCluster({ ...how, signal }) : startChaosCluster({ ...how, program: findRoot() });
  return { gateways, workers, open };
}

async function run(options: Options): Promise<void> {
  const seed = options.seed ?? randomInt(2 ** 31);
  const { short, tour, local, readyFile, keep = false } = options;
  const isOutside = local === true || readyFile !== undefined;
  const { open, gateways, workers } = await findCluster(options);
  const seconds = options.seconds ?? (short ? 25 : 120);
  const names = (role: string, count: number) => Array.from({ length: count }, (_, i) => `${role}-${i + 1}`);
  const parts = { gateways: names("gateway", gateways), workers: names("worker", workers) };
  const possible = isOutside ? outsideKinds : kindNames;
  const kinds = (options.faults ?? possible).filter((kind) => possible.includes(kind));
  if (kinds.length === 0) throw new Error("none of these faults is possible without a cluster of one's own");
  const plan = tour ? makeTour(parts, kinds) : makePlan(seed, seconds * 1_000, parts, kinds);
  const lasts = tour ? secondsFor(plan) : Math.max(seconds, secondsFor(plan));
  progress(`Seed ${seed}: ${plan.length} faults in ${lasts} s`);
  const result = await runChaos({
    ...LOADS[readyFile === undefined ? "own" : "foreign"],
    seed,
    plan,
    seconds: lasts,
    prefix: `account-${readyFile === undefined ? "" : `${randomInt(2 ** 31)}-`}`,
    accounts: options.accounts ?? (tour ? 10 : short ? 20 : 40),
    // Where recovery is measured, nobody loses patience before it is over.
    ...(tour ? { haste: 0, victims: 0 } : {}),
    fuzzers: isOutside ? 2 : 0,
    open,
    keep,
    progress,
    signal,
  });
  process.stdout.write(formatReport(result, seed, commandLine(options, seed, seconds)));
  if (result.violations.length > 0) process.exitCode = 1;
}

/** What does the same once more. */
function commandLine(options: Options, seed: number, seconds: number): string {
  const { tour, faults, local, readyFile, accounts, gateways, workers, short, durable } = options;
  const said = [
    tour ? "--tour" : `--seed ${seed} --seconds ${seconds}`,
    faults === undefined ? "" : `--faults ${faults.join(",")}`,
    accounts === undefined ? (short ? "--accounts 20" : "") : `--accounts ${accounts}`,
    gateways === 2 ? "" : `--gateways ${gateways}`,
    workers === 2 ? "" : `--workers ${workers}`,
    readyFile === undefined ? "" : `--ready-file ${readyFile}`,
    local ? "--local" : "",
    durable ? "--durable" : "",
  ];
  return `npm run chaos -- ${said.filter((part) => part !== "").join(" ")}`;
}

const program = new Command("chaos")
  .description("Breaks a Foyer cluster in every way it can, and checks that what was promised holds.")
  .option("--seed <n>", "decides the faults and their times (default: a new one)", wholeNumber(0))
  .option("--seconds <n>", "how long (default: 120, short: 25)", wholeNumber(1))
  .option("--faults <list>", `only these, comma-separated: ${kindNames.join(", ")}`, faultList)
  .option("--tour", "each fault by itself, then two kills at once: how soon all is well again")
  .option("--local", 'break a "foyer local" of its own, from outside')
  .addOption(
    new Option(
      "--ready-file <file>",
      'break a running "foyer local" with FOYER_LOCAL_RESTART_STORES=1',
    ).conflicts(["local", "durable"]),
  )
  .option(
    "--accounts <n>",
    "accounts with two clients each (default: 40, short: 20, tour: 10)",
    wholeNumber(1),
  )
  .option("--gateways <n>", "gateways of its own cluster", wholeNumber(1), 2)
  .option("--workers <n>", "workers of its own cluster", wholeNumber(1), 2)
  .option("--short", "done in less than a minute")
  .option("--durable", "Redis keeps its data over a restart, and Postgres waits for the disk")
  .option("--keep", "keep data and logs also when nothing was broken")
  .action(run);

await runToEnd(program);
