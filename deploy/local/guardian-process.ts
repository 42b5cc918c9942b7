/**
 * The guardian's own process (see guardian.ts): collects what it is told, as an argument and on stdin, and cleans up
 * when stdin ends, which is when the process at the other end is gone.
 */
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { type GuardianMessage, startTimeOf } from "./guardian.ts";

const PATIENCE_MS = 5000;
/** After SIGKILL the kernel needs a moment; files must not be removed below a process that still writes. */
const LAST_WAIT_MS = 2000;
const LOOK_EVERY_MS = 20;

interface Watched {
  signal: NodeJS.Signals;
  startTime: string | null;
}

const watched = new Map<number, Watched>();
const paths = new Set<string>();

function hear(message: GuardianMessage): void {
  if (message.do === "watch") watched.set(message.pid, message);
  else if (message.do === "unwatch") watched.delete(message.pid);
  else paths.add(message.path);
}

for (const message of JSON.parse(process.argv[2] ?? "[]") as GuardianMessage[]) hear(message);

/** Whether it still runs and is the one we were told of. */
function lives(pid: number, { startTime }: Watched): boolean {
  if (process.platform === "linux") return startTime !== null && startTimeOf(pid) === startTime;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function signalAll(signalFor: (each: Watched) => NodeJS.Signals): void {
  for (const [pid, each] of watched) {
    if (!lives(pid, each)) continue;
    try {
      process.kill(pid, signalFor(each));
    } catch {
      // It ended between the look and the signal.
    }
  }
}

async function allGone(withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while ([...watched].some(([pid, each]) => lives(pid, each))) {
    if (Date.now() > deadline) return false;
    await pause(LOOK_EVERY_MS);
  }
  return true;
}

async function cleanUp(): Promise<void> {
  signalAll((each) => each.signal);
  if (!(await allGone(PATIENCE_MS))) {
    signalAll(() => "SIGKILL");
    await allGone(LAST_WAIT_MS);
  }
  for (const path of paths) {
    // Nobody is left to hear of an error, and the other paths have to go too.
    await rm(path, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

createInterface({ input: process.stdin })
  .on("line", (line) => {
    try {
      hear(JSON.parse(line));
    } catch {
      // Half a line: the other end died while it wrote.
    }
  })
  .on("close", () => void cleanUp().finally(() => process.exit(0)));
