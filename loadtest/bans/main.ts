/** `npm run bans`: tries on nodes of its own whether bans are absolute. */
import { Command, Option } from "commander";
import { wholeNumber } from "../../shared/command-line.ts";
import { runProgram } from "../program.ts";
import { formatReport } from "../report.ts";
import { raiseStage } from "../stage.ts";
import { runBans } from "./bans.ts";
import { bansWorld } from "./world.ts";

interface Options {
  trials?: number;
  others?: number;
  short?: boolean;
  json?: boolean;
}

const program = new Command("bans")
  .description(
    "Bans users in the midst of their commands, and checks that from the moment at which the moderator is answered " +
      "nothing of theirs takes effect and nothing reaches them.",
  )
  .option("--trials <n>", "bans with all gateways alive (default: 1000, short: 50)", wholeNumber(0))
  .addOption(
    new Option(
      "--others <n>",
      "of each: silences, deletions, bans with a stopped gateway, bans with a cut Redis link (default: a twentieth)",
    ).argParser(wholeNumber(0)),
  )
  .option("--short", "done in half a minute")
  .option("--json", "print the figures as JSON");

await runProgram(program, async (signal, progress) => {
  const { short, json = false, ...options } = program.opts<Options>();
  const trials = options.trials ?? (short ? 50 : 1_000);
  const others = options.others ?? Math.ceil(trials / 20);
  progress("starting stores and nodes");
  const stage = await raiseStage(bansWorld, {}, signal);
  try {
    const report = await runBans(stage, { trials, others, progress });
    process.stdout.write(formatReport(report, json));
    return report.broken.length === 0;
  } finally {
    await stage.stop();
  }
});
