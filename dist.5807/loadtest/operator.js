/** The operator's hand during a run: the command line of the checkout, against the cluster under load. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { findCheckout } from "./cluster.js";
/**
 * Runs `foyer …` to its end.
 *
 * @param input what it reads from stdin
 * @returns what it wrote to stdout
 * @throws Error with what it wrote to stderr, when it fails
 */
export async function runFoyer(facts, args, input = "") {
    // biome-ignore lint/style/noProcessEnv: where programs are; which cluster is meant is said here
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, [join(findCheckout(), "deploy", "bin", "foyer.mjs"), ...args], {
        env: { PATH, HOME, DATABASE_URL: facts.database_url, REDIS_URL: facts.redis_url },
    });
    const written = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
        child[name].on("data", (text) => {
            written[name] += text.toString();
        });
    }
    child.stdin.end(input);
    const [status] = await once(child, "close");
    if (status !== 0)
        throw new Error(`foyer ${args[0]} ${args[1]} failed: ${written.stderr.trim()}`);
    return written.stdout.trim();
}
/** A token that logs somebody with these traits in. */
export function makeToken(facts, uid, traits) {
    return runFoyer(facts, ["token", "--world", facts.world, "--uid", uid, "--traits", traits.join(",")]);
}
//# sourceMappingURL=operator.js.map