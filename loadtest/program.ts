/** What the command lines of scenarios with nodes of their own do alike. */
import type { Command } from "commander";
import { progress, runToEnd, stopSignal } from "../shared/command-line.ts";

/**
 * Parses the arguments, runs, and ends the process (`runToEnd`).
 *
 * @param run resolves to whether all promises were kept
 */
export async function runProgram(
  program: Command,
  run: (signal: AbortSignal, progress: (line: string) => void) => Promise<boolean>,
): Promise<never> {
  const stopping = stopSignal();
  const tell = (line: string) => {
    progress(line);
    stopping.throwIfAborted();
  };
  program.action(async () => {
    if (!(await run(stopping, tell))) process.exitCode = 1;
  });
  return await runToEnd(program);
}
