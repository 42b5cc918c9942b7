/** A headless Chromium for a test, spoken to over its debugging pipe; see Chrome's DevTools protocol. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { waitFor } from "../../shared/testing/wait-for.js";
const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const FLAGS = [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"],
    ...["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    "--remote-debugging-pipe",
];
/** A page may need so long on a busy machine. */
const DEADLINE_MS = 60_000;
const END_MS = 10_000;
/** The program, if this machine has one on its PATH. */
export function findChromium() {
    // biome-ignore lint/style/noProcessEnv: where programs are
    const folders = (process.env.PATH ?? "").split(delimiter);
    return folders
        .flatMap((folder) => NAMES.map((name) => join(folder, name)))
        .find((path) => {
        try {
            accessSync(path, constants.X_OK);
            return true;
        }
        catch {
            return false;
        }
    });
}
/** Starts one with an empty profile; it is gone, with all its processes, when the test ends. */
export async function startChromium(t, program) {
    const profile = mkdtempSync(join(tmpdir(), "foyer-chromium-"));
    // In a group of its own: it starts many processes, and the group tells when the last is gone.
    const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, "about:blank"], {
        stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
        detached: true,
    });
    const pid = child.pid;
    if (pid === undefined)
        throw new Error(`${program} does not start`);
    const exited = once(child, "exit");
    const [commands, messages] = [child.stdio[3], child.stdio[4]];
    const asked = new Map();
    /** Addresses of pages, by the id of their target. */
    const pages = new Map();
    let count = 0;
    const ask = async (method, params = {}, sessionId) => {
        const id = ++count;
        const answered = new Promise((resolve) => asked.set(id, resolve));
        commands.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
        const { result, error } = await within(answered, `Chromium to answer ${method}`);
        if (error !== undefined)
            throw new Error(`${method}: ${error.message}`);
        return result ?? {};
    };
    let rest = "";
    messages.setEncoding("utf8").on("data", (text) => {
        const parts = (rest + text).split("\0");
        rest = parts.pop();
        for (const part of parts) {
            const message = JSON.parse(part);
            asked.get(message.id ?? 0)?.(message);
            const target = message.params?.targetInfo;
            if (target?.type === "page")
                pages.set(target.targetId, target.url);
        }
    });
    t.teardown(async () => {
        const timer = setTimeout(() => process.kill(-pid, "SIGKILL"), END_MS);
        // It may end before it answers.
        ask("Browser.close").catch(() => { });
        await exited;
        clearTimeout(timer);
        try {
            process.kill(-pid, "SIGKILL");
        }
        catch {
            // Its processes ended with it.
        }
        await waitFor("all of Chromium to be gone", () => !isThere(pid));
        rmSync(profile, { recursive: true, force: true });
    });
    const attach = async (targetId) => {
        const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
        return {
            async evaluate(expression) {
                const options = { awaitPromise: true, returnByValue: true, userGesture: true };
                const evaluated = await ask("Runtime.evaluate", { expression, ...options }, sessionId);
                const { result, exceptionDetails } = evaluated;
                if (exceptionDetails !== undefined)
                    throw new Error(`${expression}: ${result.description}`);
                return result.value;
            },
        };
    };
    await ask("Target.setDiscoverTargets", { discover: true });
    return {
        pid,
        /** Opens a page. */
        async open(url) {
            await ask("Target.createTarget", { url });
            return await this.arrived(url);
        },
        /** Waits for a page at this address, however it came there. */
        async arrived(url) {
            const find = () => [...pages].find(([, address]) => address === url);
            const seen = () => [...pages.values()].join(", ");
            await waitFor(`a page at ${url}`, () => find() !== undefined, DEADLINE_MS).catch((error) => {
                throw new Error(`${error.message}; there are ${seen()}`);
            });
            const page = await attach(find()[0]);
            // The address is told before the document is there that will be evaluated in.
            const isThere = async () => (await page.evaluate("document.URL")) === url;
            await waitFor(`the document at ${url}`, isThere, DEADLINE_MS);
            return page;
        },
    };
}
/** Whether a process of this group is there. */
function isThere(group) {
    try {
        process.kill(-group, 0);
        return true;
    }
    catch {
        return false;
    }
}
async function within(promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`waited ${DEADLINE_MS} ms for ${what}`)), DEADLINE_MS);
    });
    try {
        return await Promise.race([promise, late]);
    }
    finally {
        clearTimeout(timer);
    }
}
//# sourceMappingURL=chromium.js.map