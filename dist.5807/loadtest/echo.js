/** The yardstick: the bare echo server as a child process, with connections to it. */
import { fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { openConnection } from "./frame-client.js";
import { inParallel } from "./guest.js";
/** Starts it; it ends with `stop`, or when this process does. */
export async function startEchoServer() {
    // Beside this file, compiled or not as this file is.
    const path = new URL(`./echo-server${extname(import.meta.url)}`, import.meta.url);
    const child = fork(fileURLToPath(path), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const ended = new Promise((resolve) => child.once("exit", () => resolve()));
    const port = await new Promise((resolve, reject) => {
        child.once("message", (message) => resolve(message.port));
        child.once("error", reject);
        child.once("exit", (status) => reject(new Error(`the echo server ended with status ${status} as it started`)));
    });
    const stop = async () => {
        if (child.connected)
            child.disconnect();
        await ended;
    };
    return { url: `ws://127.0.0.1:${port}/`, stop };
}
/** Opens `count` connections to it. */
export function connectToEcho(server, count, atOnce) {
    return inParallel(count, atOnce, () => openConnection(server.url));
}
//# sourceMappingURL=echo.js.map