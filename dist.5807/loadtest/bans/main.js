/** `npm run bans`: tries on nodes of its own whether bans are absolute. */
import { Command, Option } from "commander";
import { runProgram, whole } from "../program.js";
import { formatReport } from "../report.js";
import { raiseStage } from "../stage.js";
import { runBans } from "./bans.js";
import { bansWorld } from "./world.js";
const program = new Command("bans")
    .description("Bans users in the midst of their commands, and checks that from the moment at which the moderator is answered " +
    "nothing of theirs takes effect and nothing reaches them.")
    .option("--trials <n>", "bans with all gateways alive (default: 1000, short: 50)", whole)
    .addOption(new Option("--others <n>", "of each: silences, deletions, bans with a stopped gateway, bans with a cut Redis link (default: a twentieth)").argParser(whole))
    .option("--short", "done in half a minute")
    .option("--json", "print the figures as JSON");
await runProgram(program, async (signal, progress) => {
    const { short, json = false, ...options } = program.opts();
    const trials = options.trials ?? (short ? 50 : 1_000);
    const others = options.others ?? Math.ceil(trials / 20);
    progress("starting stores and nodes");
    const stage = await raiseStage(bansWorld, {}, signal);
    try {
        const report = await runBans(stage, { trials, others, progress });
        process.stdout.write(formatReport(report, json));
        return report.broken.length === 0;
    }
    finally {
        await stage.stop();
    }
});
//# sourceMappingURL=main.js.map