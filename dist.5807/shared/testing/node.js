/** A node in a process of its own, for tests and load tests. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
/** This build's command line, seen from the sources and from `dist/`. */
export const program = fileURLToPath(new URL(`${import.meta.url.endsWith(".ts") ? "" : "../"}../../deploy/bin/foyer.mjs`, import.meta.url));
const STOP_MS = 30_000;
/** Starts a worker; resolves once it is ready. @throws Error when it ends before */
export async function startWorkerNode(start) {
    const { port: _, ...node } = await startNode("core", start);
    return node;
}
/** Starts a gateway; resolves once it is ready, which takes a worker. @throws Error when it ends before */
export async function startGatewayNode(start) {
    const { port, ...node } = await startNode("gateway", start);
    const world = (id) => `ws://127.0.0.1:${port}/ws/world/${id}`;
    return { ...node, http: `http://127.0.0.1:${port}`, world };
}
async function startNode(role, start) {
    const child = spawn(process.execPath, [start.program ?? program, role], {
        env: { ...inherited(), ...start.environment },
        stdio: ["ignore", "pipe", start.hearsErrors === true ? "pipe" : "inherit", "ipc"],
    });
    for (const output of [child.stdout, child.stderr]) {
        if (output !== null)
            createInterface({ input: output }).on("line", start.onLine);
    }
    return { ...(await readyNode(child)), process: child };
}
async function readyNode(child) {
    const ready = await new Promise((resolve, reject) => {
        child.once("message", resolve);
        child.once("exit", (code, signal) => reject(new Error(`the node ended with ${signal ?? code}`)));
    });
    const ended = () => child.exitCode !== null || child.signalCode !== null;
    const end = async (signal) => {
        if (ended())
            return child.exitCode;
        const gone = once(child, "exit");
        child.kill("SIGCONT");
        child.kill(signal);
        const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
        await gone;
        clearTimeout(timer);
        return child.exitCode;
    };
    return {
        id: ready.id,
        pid: child.pid,
        port: ready.port,
        ops: `http://127.0.0.1:${ready.opsPort}`,
        stop: () => end("SIGTERM"),
        kill: async () => {
            await end("SIGKILL");
        },
    };
}
/** What a process needs of ours: where programs are, not what we are set to. */
export function inherited() {
    // biome-ignore lint/style/noProcessEnv: the one place where tests hand on their environment
    const { PATH, HOME, TMPDIR } = process.env;
    return { PATH, HOME, TMPDIR };
}
//# sourceMappingURL=node.js.map