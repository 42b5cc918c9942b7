/**
 * Makes sure that nothing we start outlives us, however we end: another process in its own session watches a pipe
 * from us, and when that closes it ends our processes and removes our temporary folders.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** Ends what it watches when the process that started it is gone. */
export interface Guardian {
  /** Sends the process this signal at the end, and SIGKILL if it stays. */
  watch(pid: number, signal: NodeJS.Signals): void;
  unwatch(pid: number): void;
  /** Removes a file or folder at the end, once the processes are gone. */
  removeAtEnd(path: string): void;
  /** Brings the end about now, and waits until it is done. */
  close(): Promise<void>;
}

/** One line to the guardian process. `startTime` tells a process from a later one with the same pid. */
export type GuardianMessage =
  | { do: "watch"; pid: number; signal: NodeJS.Signals; startTime: string | null }
  | { do: "unwatch"; pid: number }
  | { do: "remove"; path: string };

/** A guardian that cannot run would otherwise be started in a tight loop. */
const RESTART_AFTER_MS = 200;

/**
 * When a process started, in the kernel's own unit: null if it is gone, or a zombie, or where the system has no
 * /proc to ask.
 */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the name in brackets, that may itself have blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** Starts the guardian process. It ends by itself after us; close() is for ending in order. */
export async function startGuardian(): Promise<Guardian> {
  const watched = new Map<number, GuardianMessage>();
  const paths = new Set<string>();
  let closing = false;
  let child = spawnGuardian([]);

  function tell(message: GuardianMessage): void {
    if (child.stdin?.writable) child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  function keepAlive(): void {
    child.once("exit", () => {
      if (!closing) void pause(RESTART_AFTER_MS, undefined, { ref: false }).then(replace);
    });
  }

  function replace(): void {
    if (closing) return;
    child = spawnGuardian([
      ...watched.values(),
      ...[...paths].map((path): GuardianMessage => ({ do: "remove", path })),
    ]);
    // An 'error' here means that it could not be spawned, and then there is no 'exit' either.
    child.once("error", () => void pause(RESTART_AFTER_MS, undefined, { ref: false }).then(replace));
    keepAlive();
  }

  await once(child, "spawn");
  keepAlive();

  return {
    watch(pid, signal) {
      const message: GuardianMessage = { do: "watch", pid, signal, startTime: startTimeOf(pid) };
      watched.set(pid, message);
      tell(message);
    },
    unwatch(pid) {
      watched.delete(pid);
      tell({ do: "unwatch", pid });
    },
    removeAtEnd(path) {
      paths.add(path);
      tell({ do: "remove", path });
    },
    async close() {
      if (closing) return;
      // It may have died a moment ago: then a new one does the work.
      if (child.exitCode !== null || child.signalCode !== null) replace();
      closing = true;
      child.ref();
      const gone = once(child, "exit");
      child.stdin?.end();
      await gone;
    },
  };
}

/**
 * Its own session: a Ctrl-C in the terminal, or the end of the terminal, does not reach it.
 *
 * @param known what it is born with: this process may end before it could tell it anything
 */
function spawnGuardian(known: readonly GuardianMessage[]): ChildProcess {
  // The sources run through tsx, the build does not need it.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const loader = extension === "ts" ? ["--import", import.meta.resolve("tsx")] : [];
  const file = fileURLToPath(new URL(`./guardian-process.${extension}`, import.meta.url));
  const child = spawn(process.execPath, [...loader, file, JSON.stringify(known)], {
    cwd: dirname(file),
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.unref();
  // A dead guardian is noticed by its 'exit'; without a listener the broken pipe would end us.
  child.stdin?.on("error", () => undefined);
  // The stream of a pipe is a socket, whatever its type says.
  (child.stdin as unknown as { unref(): void } | null)?.unref();
  return child;
}
