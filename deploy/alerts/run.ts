/** Breaks the cluster one way after the other, and sees each alert fire and go. */
import { pause } from "../../shared/backoff.ts";
import { alerts } from "../prometheus/alerts.ts";
import type { Breakage } from "./breakages.ts";
import type { Stand } from "./stand.ts";

/** What became of one alert; null: it did not happen in time. */
export interface Outcome {
  alert: string;
  how: string;
  firedAfterS: number | null;
  resolvedAfterS: number | null;
}

const FIRES_MS = 45_000;
const RESOLVES_MS = 60_000;
const LOOK_EVERY_MS = 200;

/** What is wrong with a list of breakages: alerts that nothing provokes, and names that are no alert. */
export function gapsIn(rounds: readonly (readonly Breakage[])[]): string[] {
  const provoked = new Set(rounds.flat().flatMap((breakage) => breakage.alerts));
  const known = new Set(alerts.map(({ name }) => name));
  return [
    ...[...known].filter((name) => !provoked.has(name)).map((name) => `${name}: nothing provokes it`),
    ...[...provoked].filter((name) => !known.has(name)).map((name) => `${name}: there is no such alert`),
  ];
}

/** Does them; an alert that does not fire does not keep the others from it. @throws Error when `signal` aborts */
export async function fireAlerts(
  stand: Stand,
  rounds: readonly (readonly Breakage[])[],
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const round of rounds) {
    // What an earlier one set off as well must not be taken for this one's.
    const quiet = await reaches(RESOLVES_MS, signal, async () => (await stand.firing()).size === 0);
    if (quiet === null) progress(`still firing: ${[...(await stand.firing())].join(", ")}`);
    outcomes.push(...(await Promise.all(round.map((each) => fire(stand, each, progress, signal)))).flat());
  }
  return outcomes;
}

async function fire(
  stand: Stand,
  { how, alerts: names, breaks }: Breakage,
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<Outcome[]> {
  progress(`${how} …`);
  const after = (seconds: number | null) => (seconds === null ? "NOT" : `after ${seconds} s`);
  const begun = performance.now();
  const undo = await breaks(stand);
  const broken = (performance.now() - begun) / 1_000;
  let fired: (number | null)[];
  try {
    fired = await Promise.all(
      names.map(async (name) => {
        const seconds = await reaches(FIRES_MS, signal, async () => (await stand.firing()).has(name));
        return seconds === null ? null : round(seconds + broken);
      }),
    );
  } finally {
    await undo();
  }
  return Promise.all(
    names.map(async (alert, i) => {
      const gone = await reaches(RESOLVES_MS, signal, async () => !(await stand.firing()).has(alert));
      const outcome = {
        alert,
        how,
        firedAfterS: fired[i]!,
        resolvedAfterS: gone === null ? null : round(gone),
      };
      progress(`${alert}: fired ${after(outcome.firedAfterS)}, resolved ${after(outcome.resolvedAfterS)}`);
      return outcome;
    }),
  );
}

/** @returns after how many seconds it held; null where it did not in time. @throws Error when `signal` aborts */
async function reaches(
  withinMs: number,
  signal: AbortSignal,
  condition: () => Promise<boolean>,
): Promise<number | null> {
  const begun = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const elapsed = performance.now() - begun;
    if (await condition()) return elapsed / 1_000;
    if (elapsed > withinMs) return null;
    await pause(LOOK_EVERY_MS, signal);
  }
}

const round = (seconds: number) => Math.round(seconds * 10) / 10;
