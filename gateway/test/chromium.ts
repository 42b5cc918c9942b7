/** A headless Chromium for a test, spoken to over its debugging pipe; see Chrome's DevTools protocol. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Test } from "tap";
import { waitFor } from "../../shared/testing/wait-for.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"],
  ...["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  "--remote-debugging-pipe",
];

/** A page may need so long on a busy machine. */
const DEADLINE_MS = 60_000;
const END_MS = 10_000;

/** An event of the protocol, or an answer. */
interface Message {
  id?: number;
  method?: string;
  params?: { targetInfo?: { targetId: string; url: string; type: string } };
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** One page. */
export interface Page {
  /** The value of an expression, awaited where it is a promise. */
  evaluate(expression: string): Promise<unknown>;
}

/** The program, if this machine has one on its PATH. */
export function findChromium(): string | undefined {
  // biome-ignore lint/style/noProcessEnv: where programs are
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Starts one with an empty profile; it is gone, with all its processes, when the test ends. */
export async function startChromium(t: Test, program: string) {
  const profile = mkdtempSync(join(tmpdir(), "foyer-chromium-"));
  // In a group of its own: it starts many processes, and the group tells when the last is gone.
  const child = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    detached: true,
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${program} does not start`);
  const exited = once(child, "exit");
  const [commands, messages] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const asked = new Map<number, (message: Message) => void>();
  /** Addresses of pages, by the id of their target. */
  const pages = new Map<string, string>();
  let count = 0;

  const ask = async (method: string, params: object = {}, sessionId?: string) => {
    const id = ++count;
    const answered = new Promise<Message>((resolve) => asked.set(id, resolve));
    commands.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
    const { result, error } = await within(answered, `Chromium to answer ${method}`);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  };

  let rest = "";
  messages.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\0");
    rest = parts.pop()!;
    for (const part of parts) {
      const message = JSON.parse(part) as Message;
      asked.get(message.id ?? 0)?.(message);
      const target = message.params?.targetInfo;
      if (target?.type === "page") pages.set(target.targetId, target.url);
    }
  });

  t.teardown(async () => {
    const timer = setTimeout(() => process.kill(-pid, "SIGKILL"), END_MS);
    // It may end before it answers.
    ask("Browser.close").catch(() => {});
    await exited;
    clearTimeout(timer);
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // Its processes ended with it.
    }
    await waitFor("all of Chromium to be gone", () => !isThere(pid));
    rmSync(profile, { recursive: true, force: true });
  });

  const attach = async (targetId: string): Promise<Page> => {
    const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
    return {
      async evaluate(expression) {
        const options = { awaitPromise: true, returnByValue: true, userGesture: true };
        const evaluated = await ask("Runtime.evaluate", { expression, ...options }, sessionId as string);
        const { result, exceptionDetails } = evaluated as {
          result: { value?: unknown; description?: string };
          exceptionDetails?: object;
        };
        if (exceptionDetails !== undefined) throw new Error(`${expression}: ${result.description}`);
        return result.value;
      },
    };
  };

  await ask("Target.setDiscoverTargets", { discover: true });
  return {
    pid,
    /** Opens a page. */
    async open(url: string): Promise<Page> {
      await ask("Target.createTarget", { url });
      return await this.arrived(url);
    },
    /** Waits for a page at this address, however it came there. */
    async arrived(url: string): Promise<Page> {
      const find = () => [...pages].find(([, address]) => address === url);
      const seen = () => [...pages.values()].join(", ");
      await waitFor(`a page at ${url}`, () => find() !== undefined, DEADLINE_MS).catch((error: Error) => {
        throw new Error(`${error.message}; there are ${seen()}`);
      });
      const page = await attach(find()![0]);
      // The address is told before the document is there that will be evaluated in.
      const isThere = async () => (await page.evaluate("document.URL")) === url;
      await waitFor(`the document at ${url}`, isThere, DEADLINE_MS);
      return page;
    },
  };
}

/** Whether a process of this group is there. */
function isThere(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${DEADLINE_MS} ms for ${what}`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
