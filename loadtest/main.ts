/** The load test's command line: picks a scenario, finds or starts a cluster, says what came out. */
import { Command, Option } from "commander";
import { runToEnd } from "../shared/command-line.ts";
import { lead, onTarget, progress, publish, readResult, report } from "./lead.ts";
import {
  type LoadOptions,
  positive,
  type TargetOptions,
  withClients,
  withLoad,
  withTarget,
} from "./options.ts";
import { mergeResults } from "./result.ts";
import { scenarioTable } from "./scenario-table.ts";
import { runOverload } from "./scenarios/overload.ts";
import { runSoak } from "./scenarios/soak.ts";
import { runUpdates } from "./scenarios/updates.ts";

/** What `updates` and `overload` take, which hold their clients themselves. */
interface OwnOptions extends TargetOptions {
  clients?: number;
  connections?: number;
  seconds?: number;
  atOnce: number;
}

/** How long answers and broadcasts that are outstanding at the end of `updates` may take. */
const GRACE_MS = 10_000;

const program = new Command("loadtest")
  .description("Puts a Foyer cluster under load, says what it did, and checks what it promises.")
  .addHelpText(
    "after",
    "\nWithout --ready-file and --url it starts a cluster of its own, with temporary data and no rate limits.\n" +
      "Exit status: 0 all promises kept, 1 one was broken or the run failed, 2 wrong usage.\n" +
      "\nExamples:\n  npm run loadtest -- fetch --short\n  npm run loadtest -- conference --html report.html\n" +
      "  npm run loadtest -- commands --clients 5000 --fetch 2000 --out today.json --compare yesterday.json\n" +
      "  npm run loadtest -- login-storm --url ws://127.0.0.1:8375/ws/world/sample --clients 2000",
  );

for (const { name, description, defaults, options, build } of scenarioTable) {
  const command = withLoad(
    program.command(name).description(description),
    defaults.clients,
    defaults.seconds,
  );
  for (const option of options) command.addOption(option);
  command.action((given: LoadOptions) => lead({ name, ...defaults, ...build(given) }, given));
}

withClients(
  withTarget(program.command("updates")).description(
    "user.update at a steady rate: every one answered, seen once, in order, not lost",
  ),
  2000,
  60,
)
  .option("--rate <n>", "updates a second in total (default: 500, short: 50)", positive)
  .addOption(
    new Option("--kill-worker-at <second>", "kill -9 a worker of the cluster that this run started")
      .argParser(positive)
      .conflicts(["url", "readyFile"]),
  )
  .action((options: OwnOptions & { rate?: number; killWorkerAt?: number }, command: Command) => {
    const { short, atOnce, killWorkerAt } = options;
    const connections = options.clients ?? options.connections ?? (short ? 100 : 2000);
    const seconds = options.seconds ?? (short ? 5 : 60);
    const rate = options.rate ?? (short ? 50 : 500);
    if (killWorkerAt !== undefined && killWorkerAt >= seconds) {
      command.error(`error: --kill-worker-at ${killWorkerAt} is not before the end, ${seconds} s`);
    }
    const updates = { connections, seconds, rate, atOnce, graceMs: GRACE_MS, killWorkerAt, progress };
    return report(options, (target) => runUpdates(target, updates));
  });

withClients(
  withTarget(program.command("overload")).description(
    "more than the cluster carries: refused quickly, and over at once; --short shows durations, and judges none",
  ),
  400,
  20,
)
  .option("--factor <x>", "how much of what it carries is offered", positive, 2)
  .action((options: OwnOptions & { factor: number }) => {
    const { short, atOnce, factor } = options;
    const connections = options.clients ?? options.connections ?? (short ? 100 : 400);
    const seconds = options.seconds ?? (short ? 6 : 20);
    const measureSeconds = short ? 2 : 5;
    const overload = { connections, seconds, measureSeconds, factor, atOnce, judgesSpeed: !short, progress };
    return report(options, (target) => runOverload(target, overload));
  });

withTarget(program.command("soak"))
  .description("people come and go, for an hour: memory, handles, Redis keys and streams have to level off")
  .option("--minutes <n>", "how long (default: 60, short: 10)", positive)
  .option("--report <dir>", "folder for soak.html and soak.json")
  .action((options: TargetOptions & { minutes?: number; report?: string }) => {
    const minutes = options.minutes ?? (options.short ? 10 : 60);
    return report(options, (target) => runSoak(target, { minutes, report: options.report, progress }));
  });

program
  .command("merge")
  .description("adds up what several places found that made one load together (--share)")
  .argument("<FILE...>", "what each --out wrote, or printed with --json")
  .option("--out <file>", "write the sum as JSON")
  .option("--html <file>", "write a report to look at")
  .option("--compare <file>", "say what differs from what an earlier --out wrote")
  .option("--json", "print the sum as JSON")
  .action((files: string[], options: Pick<LoadOptions, "out" | "html" | "compare" | "json">) => {
    const then = options.compare === undefined ? null : readResult(options.compare);
    publish(mergeResults(files.map(readResult)), options, then);
  });

program
  .command("suite")
  .description("several scenarios one after the other, --short, on one cluster")
  .argument("<SCENARIO...>", "by their names")
  .option("--out <dir>", "write what each found into this folder, as SCENARIO.json")
  .action(async (names: string[], { out }: { out?: string }) => {
    const { runSuite } = await import("./suite.ts");
    const options = { issuer: "loadtest", atOnce: 100, short: true, share: { index: 0, of: 1 } };
    // A deploy in the middle drains gateways for so long.
    const environment = { FOYER_DRAIN_SECONDS: "1" };
    await onTarget(options, (target) => runSuite(names, options, target, out), environment);
  });

await runToEnd(program);
