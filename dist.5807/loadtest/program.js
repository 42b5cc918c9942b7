/** What the command lines of scenarios with nodes of their own do alike. */
import { CommanderError, InvalidArgumentError } from "commander";
/** Parses a whole number. */
export function whole(text) {
    if (/^\d+$/.test(text))
        return Number(text);
    throw new InvalidArgumentError("It must be a whole number.");
}
/**
 * Parses the arguments, runs, and ends the process: 0 all promises kept, 1 one was broken or the run failed, 2
 * wrong usage.
 *
 * @param run resolves to whether all promises were kept
 */
export async function runProgram(program, run) {
    const stopping = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"])
        process.on(signal, () => stopping.abort());
    const progress = (line) => {
        process.stderr.write(`${line}\n`);
        stopping.signal.throwIfAborted();
    };
    try {
        program.exitOverride().parse();
        process.exitCode = (await run(stopping.signal, progress)) ? 0 : 1;
    }
    catch (error) {
        if (error instanceof CommanderError) {
            // Commander has said what is wrong; 0 is --help.
            process.exit(error.exitCode === 0 ? 0 : 2);
        }
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 1;
    }
    process.exit();
}
//# sourceMappingURL=program.js.map