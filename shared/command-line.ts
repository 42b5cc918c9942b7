/** What the programs of load and failure runs do alike on the command line. */
import { type Command, CommanderError, InvalidArgumentError } from "commander";

/** Parses an option's whole number of at least `min`. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number(text) >= min) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number of ${min} or more.`);
  };
}

/** @returns aborted by SIGINT or SIGTERM */
export function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopping.abort());
  return stopping.signal;
}

/** Says how far a run is, where its figures do not go. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Parses the arguments, runs what they ask for, and ends the process, whatever still holds it: 0 all promises kept, 1
 * one was broken (`process.exitCode` says so) or the run failed, 2 wrong usage.
 */
export async function runToEnd(program: Command): Promise<never> {
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said what is wrong; 0 is --help.
      process.exit(error.exitCode === 0 ? 0 : 2);
    }
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
  process.exit();
}
