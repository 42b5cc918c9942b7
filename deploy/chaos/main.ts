/** `npm run chaos`: a cluster of its own, load, faults at random times that a seed decides, and what broke. */
import { randomInt } from "node:crypto";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { type FaultKind, kindNames, makePlan } from "./plan.ts";
import { formatReport } from "./report.ts";
import { runChaos, secondsFor } from "./run.ts";
import { findRoot } from "./world/build.ts";

interface Options {
  seed?: number;
  seconds?: number;
  faults?: FaultKind[];
  accounts?: number;
  gateways: number;
  workers: number;
  short?: boolean;
  durable?: boolean;
  keep?: boolean;
}

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopping.abort());
const progress = (line: string) => void process.stderr.write(`${line}\n`);

const wholeNumber = (min: number) => (text: string) => {
  if (/^\d+$/.test(text) && Number(text) >= min) return Number(text);
  throw new InvalidArgumentError(`It must be a whole number of ${min} or more.`);
};
const faultList = (text: string) => {
  const list = text.split(",") as FaultKind[];
  const unknown = list.filter((kind) => !kindNames.includes(kind));
  if (unknown.length === 0) return list;
  throw new InvalidArgumentError(`${unknown.join(", ")}: there are ${kindNames.join(", ")}.`);
};

async function run(options: Options): Promise<void> {
  const seed = options.seed ?? randomInt(2 ** 31);
  const { short, gateways, workers, durable = false, keep = false } = options;
  const seconds = options.seconds ?? (short ? 25 : 120);
  const names = (role: string, count: number) => Array.from({ length: count }, (_, i) => `${role}-${i + 1}`);
  const parts = { gateways: names("gateway", gateways), workers: names("worker", workers) };
  const plan = makePlan(seed, seconds * 1_000, parts, options.faults);
  progress(`Seed ${seed}: ${plan.length} faults in ${seconds} s`);
  const result = await runChaos({
    seed,
    plan,
    seconds: Math.max(seconds, secondsFor(plan)),
    accounts: options.accounts ?? (short ? 20 : 40),
    victims: 4,
    everyMs: 100,
    gateways,
    workers,
    durable,
    program: findRoot(),
    keep,
    progress,
    signal: stopping.signal,
  });
  const kinds = options.faults === undefined ? "" : ` --faults ${options.faults.join(",")}`;
  const nodes = `${gateways === 2 ? "" : ` --gateways ${gateways}`}${workers === 2 ? "" : ` --workers ${workers}`}`;
  const again = `npm run chaos -- --seed ${seed} --seconds ${seconds}${kinds}${nodes}${durable ? " --durable" : ""}`;
  process.stdout.write(formatReport(result, seed, again));
  if (result.violations.length > 0) process.exitCode = 1;
}

const program = new Command("chaos")
  .description(
    "Breaks a Foyer cluster of its own in every way it can, and checks that what was promised holds.",
  )
  .option("--seed <n>", "decides the faults and their times (default: a new one)", wholeNumber(0))
  .option("--seconds <n>", "how long (default: 120, short: 25)", wholeNumber(1))
  .option("--faults <list>", `only these, comma-separated: ${kindNames.join(", ")}`, faultList)
  .option("--accounts <n>", "accounts with two clients each (default: 40, short: 20)", wholeNumber(1))
  .option("--gateways <n>", "gateways", wholeNumber(1), 2)
  .option("--workers <n>", "workers", wholeNumber(1), 2)
  .option("--short", "done in less than a minute")
  .option("--durable", "Redis keeps its data over a restart, and Postgres waits for the disk")
  .option("--keep", "keep data and logs also when nothing was broken")
  .exitOverride()
  .action(run);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong; 0 is --help.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`${(error as Error).stack}\n`);
    process.exitCode = 1;
  }
}
process.exit();
