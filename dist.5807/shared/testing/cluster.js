/** Real nodes in processes of their own, over a test file's own database and key prefix. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { inherited, program, startGatewayNode, startWorkerNode, } from "./node.js";
import { createTestStores } from "./stores.js";
/** Starts stores, worlds and nodes; everything ends with the test, and a node that does not fails it. */
export async function startTestCluster(t, options = {}) {
    const stores = await createTestStores(t);
    const environment = {
        DATABASE_URL: stores.databaseUrl,
        REDIS_URL: stores.redisUrl,
        FOYER_REDIS_PREFIX: stores.redisPrefix,
        FOYER_LOG_LEVEL: "error",
        FOYER_DRAIN_SECONDS: "0",
        FOYER_UPDATE_RATE: "0",
        FOYER_PORT: "0",
        FOYER_OPS_PORT: "0",
        ...options.environment,
    };
    for (const world of options.worlds ?? []) {
        await runFoyer(["world", "import", "-"], environment, JSON.stringify(world));
    }
    const watched = async (role, starting) => {
        const node = await starting;
        t.teardown(async () => {
            if ((await node.stop()) === null && node.process.signalCode !== "SIGKILL") {
                throw new Error(`${role} ${node.id} did not end by itself`);
            }
        });
        return node;
    };
    const how = (extra = {}, other) => ({
        environment: { ...environment, ...extra },
        program: other,
        // What a node logs at this level is worth a look in the output of a failed test.
        onLine: options.onLine ?? ((line) => void t.comment(line)),
        hearsErrors: options.onLine !== undefined,
    });
    /** @param other the command line of another build */
    const startWorker = (extra, other) => watched("worker", startWorkerNode(how(extra, other)));
    const startGateway = (extra, other) => watched("gateway", startGatewayNode(how(extra, other)));
    const many = (count, one) => Promise.all(Array.from({ length: count }, () => one()));
    // A gateway is ready once a worker is there to hear, so that both have to start at once.
    const [workers, gateways] = await Promise.all([
        many(options.workers ?? 1, () => startWorker()),
        many(options.gateways ?? 1, () => startGateway()),
    ]);
    return { ...stores, environment, workers, gateways, startWorker, startGateway };
}
/**
 * Runs the command line to its end.
 *
 * @throws Error with what it wrote when it fails
 */
export async function runFoyer(args, environment, input = "") {
    const child = spawn(process.execPath, [program, ...args], { env: { ...inherited(), ...environment } });
    const written = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
        child[name].on("data", (text) => {
            written[name] += text.toString();
        });
    }
    child.stdin.end(input);
    const [code] = await once(child, "close");
    if (code !== 0)
        throw new Error(`foyer ${args.join(" ")} ended with ${code}: ${written.stderr}`);
    return written.stdout;
}
//# sourceMappingURL=cluster.js.map