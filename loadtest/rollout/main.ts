/** `npm run rollout`: replaces every node of a cluster of its own under load. */
import { Command, Option } from "commander";
import { wholeNumber } from "../../shared/command-line.ts";
import { runProgram } from "../program.ts";
import { formatReport } from "../report.ts";
import { raiseStage } from "../stage.ts";
import { makeNextVersion } from "./next-version.ts";
import { type RolloutOptions, rolloutWorld, runRollout } from "./rollout.ts";

interface Options {
  connections?: number;
  rate?: number;
  drainSeconds?: number;
  order: RolloutOptions["order"];
  next?: boolean;
  short?: boolean;
  json?: boolean;
}

const program = new Command("rollout")
  .description(
    "Replaces gateways and workers one after the other under load, and checks that nobody is the worse for it.",
  )
  .option("--connections <n>", "connections in total (default: 10000, short: 300)", wholeNumber(0))
  .option("--rate <n>", "commands a second (default: 400, short: 60)", wholeNumber(0))
  .option(
    "--drain-seconds <n>",
    "FOYER_DRAIN_SECONDS of the gateways (default: 30, short: 2)",
    wholeNumber(0),
  )
  .addOption(
    new Option("--order <order>", "what is replaced first")
      .choices(["gateways-first", "workers-first"])
      .default("gateways-first"),
  )
  .option("--next", "replace by a build whose envelopes are of the next version")
  .option("--short", "done in half a minute")
  .option("--json", "print the figures as JSON");

await runProgram(program, async (signal, progress) => {
  const { order, short, next, json = false, ...given } = program.opts<Options>();
  progress("starting stores and nodes");
  const stage = await raiseStage(rolloutWorld, {}, signal);
  const nextVersion = next ? await makeNextVersion() : null;
  try {
    const { report } = await runRollout(stage, {
      connections: given.connections ?? (short ? 300 : 10_000),
      rate: given.rate ?? (short ? 60 : 400),
      nodes: 2,
      drainSeconds: given.drainSeconds ?? (short ? 2 : 30),
      atOnce: 100,
      order,
      next: nextVersion?.program,
      progress,
    });
    process.stdout.write(formatReport(report, json));
    return report.broken.length === 0;
  } finally {
    await stage.stop();
    await nextVersion?.remove();
  }
});
