/** `npm run alerts`: fires every alert by breaking a running cluster under a real Prometheus. */
import { Command } from "commander";
import { alignTable } from "../../loadtest/report.ts";
import { progress, runToEnd, stopSignal } from "../../shared/command-line.ts";
import { canRun } from "../local/fetch-redis.ts";
import { rounds } from "./breakages.ts";
import { fireAlerts, gapsIn, type Outcome } from "./run.ts";
import { openStand } from "./stand.ts";

/** Longest that a run takes. */
const LIMIT_MS = { all: 420_000, short: 150_000 };

async function run({ short = false }: { short?: boolean }): Promise<void> {
  const gaps = gapsIn(rounds);
  if (gaps.length > 0) throw new Error(gaps.join("\n"));
  if (!(await canRun("prometheus")))
    throw new Error("Prometheus is not installed: Debian's package prometheus has it");
  const stop = stopSignal();
  const signal = AbortSignal.any([stop, AbortSignal.timeout(short ? LIMIT_MS.short : LIMIT_MS.all)]);
  const chosen = rounds.map((round) => round.filter(({ isShort }) => !short || isShort));
  progress("starting stores, nodes and Prometheus");
  const stand = await openStand(progress);
  let outcomes: Outcome[];
  try {
    outcomes = await fireAlerts(
      stand,
      chosen.filter((round) => round.length > 0),
      progress,
      signal,
    );
  } finally {
    await stand.stop();
  }
  process.stdout.write(describe(outcomes));
  if (outcomes.some(isWrong)) process.exitCode = 1;
}

const isWrong = ({ firedAfterS, resolvedAfterS }: Outcome) => firedAfterS === null || resolvedAfterS === null;

function describe(outcomes: readonly Outcome[]): string {
  const seconds = (value: number | null) => (value === null ? "NOT" : `${value.toFixed(1)} s`);
  const width = Math.max(...outcomes.map(({ how }) => how.length));
  const rows = outcomes.map(({ alert, how, firedAfterS, resolvedAfterS }) => [
    alert,
    seconds(firedAfterS),
    seconds(resolvedAfterS),
    how.padEnd(width),
  ]);
  const wrong = outcomes.filter(isWrong).length;
  const verdict =
    wrong === 0
      ? `${outcomes.length} alerts fired and were resolved`
      : `${wrong} alerts did not fire, or not end`;
  return `${[...alignTable(["alert", "fired after", "resolved after", "provoked by".padEnd(width)], rows), "", verdict].join("\n")}\n`;
}

const program = new Command("alerts")
  .description(
    "Starts a cluster and a Prometheus with the project's rules, whose times are shortened, and breaks the cluster " +
      "in one way after the other until every alert has fired, and been resolved.",
  )
  .option("--short", "three alerts, done in less than a minute")
  .action(run);

await runToEnd(program);
