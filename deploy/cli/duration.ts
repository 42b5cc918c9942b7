/** Durations as people write them on a command line. */
import { InvalidArgumentError } from "commander";

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** A hundred years: beyond what anybody means, within what a token and the database can hold. */
const MAX_SECONDS = 36_500 * 86_400;

/**
 * `30d`, `12h`, `90m` or `45s` as seconds.
 *
 * @throws InvalidArgumentError, which commander turns into wrong usage
 */
export function parseDuration(text: string): number {
  const [, count, unit = ""] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (secondsOf[unit] ?? Number.NaN);
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) {
    throw new InvalidArgumentError("Say a number with s, m, h or d, at most 36500d: 45s, 90m, 12h, 30d.");
  }
  return seconds;
}
