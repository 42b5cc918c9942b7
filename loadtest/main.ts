/** The load test's command line: picks a scenario, finds or starts a cluster, prints what came out. */
import { Command, InvalidArgumentError, Option } from "commander";
import { progress, runToEnd, stopSignal, wholeNumber } from "../shared/command-line.ts";
import { startCluster, type Target, targetOfReadyFile, targetOfUrls } from "./cluster.ts";
import { formatReport, type Report } from "./report.ts";
import { runFetch } from "./scenarios/fetch.ts";
import { runLogins } from "./scenarios/logins.ts";
import { runOverload } from "./scenarios/overload.ts";
import { runSoak } from "./scenarios/soak.ts";
import { runUpdates } from "./scenarios/updates.ts";

/** Options of all scenarios; each has its own defaults for those that are left out. */
interface CommonOptions {
  readyFile?: string;
  url?: string[];
  connections?: number;
  seconds?: number;
  atOnce: number;
  short?: boolean;
  json?: boolean;
}

/** Those of `soak`, which knows its own rate. */
interface SoakCommandOptions extends Pick<CommonOptions, "readyFile" | "short" | "json"> {
  minutes?: number;
  report?: string;
}

type Run = (target: Target) => Promise<Report>;

/** How long answers and broadcasts that are outstanding at the end of `updates` may take. */
const GRACE_MS = 10_000;

const stopping = stopSignal();

const positive = (text: string) => {
  if (Number(text) > 0 && Number.isFinite(Number(text))) return Number(text);
  throw new InvalidArgumentError("It must be a number above 0.");
};

/** Runs `run` against the cluster that the options name; the exit status says whether all promises were kept. */
async function against(options: Pick<CommonOptions, "readyFile" | "url" | "json">, run: Run): Promise<void> {
  const target = await findTarget(options);
  try {
    const interrupted = new Promise<never>((_resolve, reject) => {
      stopping.addEventListener("abort", () => reject(new Error("stopped before the end")));
    });
    const report = await Promise.race([run(target), interrupted]);
    process.stdout.write(formatReport(report, options.json === true));
    if (report.broken.length > 0) process.exitCode = 1;
  } finally {
    await target.stop();
  }
}

async function findTarget({ readyFile, url }: Pick<CommonOptions, "readyFile" | "url">): Promise<Target> {
  if (readyFile !== undefined && url !== undefined)
    throw new Error("--ready-file and --url: give one of them");
  if (url !== undefined) return targetOfUrls(url);
  if (readyFile !== undefined) return targetOfReadyFile(readyFile);
  progress("starting a cluster with temporary data");
  // biome-ignore lint/style/noProcessEnv: an entry file; the cluster it starts inherits the environment
  return startCluster(process.env, stopping);
}

const program = new Command("loadtest")
  .description("Puts a Foyer cluster on this machine under load and checks what it promises.")
  .addHelpText(
    "after",
    "\nWithout --ready-file and --url it starts a cluster of its own, with temporary data and no rate limits.\n" +
      "Exit status: 0 all promises kept, 1 one was broken or the run failed, 2 wrong usage.\n" +
      "\nExamples:\n  npm run loadtest -- fetch --short\n  npm run loadtest -- updates --kill-worker-at 20\n" +
      "  npm run loadtest -- logins --url ws://127.0.0.1:8375/ws/world/sample --json",
  );

/** A scenario's command, with the options that all of them have. */
function scenario(name: string, description: string, connections: number, seconds: number): Command {
  return program
    .command(name)
    .description(description)
    .addOption(new Option("--ready-file <file>", 'ready file of a running "foyer local"').conflicts("url"))
    .option("--url <url>", "a gateway's WebSocket URL, world included; may be repeated", collect)
    .option("--connections <n>", `connections in total (default: ${connections})`, wholeNumber(2))
    .option("--seconds <n>", `how long (default: ${seconds})`, positive)
    .option("--at-once <n>", "logins under way at once", wholeNumber(1), 100)
    .option("--short", "fewer connections and seconds: done in less than 15 s")
    .option("--json", "print the figures as JSON");
}

const collect = (url: string, before: string[] = []) => [...before, url];

scenario("fetch", "user.fetch a second, as a share of what a bare echo server does", 1000, 10)
  .option("--rounds <n>", "turns of each side (default: 3, short: 2)", wholeNumber(1))
  .option("--min-ratio <x>", "least foyer/echo; below, the exit status is 1", positive, 0)
  .action((options: CommonOptions & { rounds?: number; minRatio: number }) => {
    const { short, atOnce, minRatio } = options;
    const connections = options.connections ?? (short ? 100 : 1000);
    const seconds = options.seconds ?? (short ? 1 : 10);
    const rounds = options.rounds ?? (short ? 2 : 3);
    const warmUpSeconds = short ? 0.5 : 2;
    return against(options, (target) =>
      runFetch(target, { connections, seconds, warmUpSeconds, rounds, atOnce, minRatio, progress }),
    );
  });

scenario(
  "updates",
  "user.update at a steady rate: every one answered, seen once, in order, not lost",
  2000,
  60,
)
  .option("--rate <n>", "updates a second in total (default: 500, short: 50)", positive)
  .addOption(
    new Option("--kill-worker-at <second>", "kill -9 a worker of the cluster that this run started")
      .argParser(positive)
      .conflicts(["url", "readyFile"]),
  )
  .action((options: CommonOptions & { rate?: number; killWorkerAt?: number }, command: Command) => {
    const { short, atOnce, killWorkerAt } = options;
    const connections = options.connections ?? (short ? 100 : 2000);
    const seconds = options.seconds ?? (short ? 5 : 60);
    const rate = options.rate ?? (short ? 50 : 500);
    if (killWorkerAt !== undefined && killWorkerAt >= seconds) {
      command.error(`error: --kill-worker-at ${killWorkerAt} is not before the end, ${seconds} s`);
    }
    return against(options, (target) =>
      runUpdates(target, {
        connections,
        seconds,
        rate,
        atOnce,
        graceMs: GRACE_MS,
        killWorkerAt,
        progress,
      }),
    );
  });

scenario("logins", "new guests log in as fast as --at-once allows", 2000, 60).action(
  (options: CommonOptions) => {
    const connections = options.connections ?? (options.short ? 200 : 2000);
    const seconds = options.seconds ?? (options.short ? 5 : 60);
    return against(options, (target) =>
      runLogins(target, { connections, seconds, atOnce: options.atOnce, progress }),
    );
  },
);

scenario("overload", "more than the cluster carries: refused quickly, and over at once", 400, 20)
  .option("--factor <x>", "how much of what it carries is offered", positive, 2)
  .action((options: CommonOptions & { factor: number }) => {
    const { short, atOnce, factor } = options;
    const connections = options.connections ?? (short ? 100 : 400);
    const seconds = options.seconds ?? (short ? 6 : 20);
    const measureSeconds = short ? 2 : 5;
    return against(options, (target) =>
      runOverload(target, { connections, seconds, measureSeconds, factor, atOnce, progress }),
    );
  });

program
  .command("soak")
  .description("people come and go, for an hour: memory, handles, Redis keys and streams have to level off")
  .option("--ready-file <file>", 'ready file of a running "foyer local"')
  .option("--minutes <n>", "how long (default: 60, short: 10)", positive)
  .option("--report <dir>", "folder for soak.html and soak.json")
  .option("--short", "ten minutes")
  .option("--json", "print the figures as JSON")
  .action((options: SoakCommandOptions) => {
    const { short, report } = options;
    const minutes = options.minutes ?? (short ? 10 : 60);
    return against(options, (target) => runSoak(target, { minutes, report, progress }));
  });

await runToEnd(program);
