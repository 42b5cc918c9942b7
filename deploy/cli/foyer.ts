/** The `foyer` command: its arguments to one function, and how that ended to an exit status. */
import { CommanderError } from "commander";
import { version } from "../../shared/metrics.ts";
import { describeSettings } from "../../shared/settings.ts";
import { explain, type Io, WrongUsage } from "./failure.ts";
import { createProgram } from "./program.ts";

/**
 * Runs one command; the process ends with it.
 *
 * @param argv what stands after `foyer`
 */
export async function main(argv: string[]): Promise<void> {
  // A reader such as `head` that has seen enough is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  const io: Io = {
    // biome-ignore lint/style/noProcessEnv: the one place where commands get their environment from
    environment: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  };
  const status = await run(argv, io);
  // Whatever a library left open must not keep a command that is done from ending.
  process.stdout.write("", () => process.exit(status));
}

/** @returns the exit status */
async function run(argv: string[], io: Io): Promise<number> {
  if (argv.length === 2 && argv[1] === "settings" && /^(--help|-h|help)$/.test(argv[0]!)) {
    io.stdout.write(`${describeSettings()}\n`);
    return 0;
  }
  let status = 0;
  const program = createProgram(version, io, (ended) => {
    status = ended;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return status;
  } catch (error) {
    // commander has printed it already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    io.stderr.write(`foyer: ${explain(error)}\n`);
    return error instanceof WrongUsage ? 2 : 1;
  }
}
