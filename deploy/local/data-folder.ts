/** The folder that a local cluster keeps its data in: one cluster at a time. */
import { mkdirSync, mkdtempSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Guardian, startTimeOf } from "./guardian.ts";

/** A cluster that was killed is cleared up after by its guardian, which takes no longer. */
const CLEARING_UP_MS = 8_000;
const LOOK_EVERY_MS = 100;

/** Who holds the folder. The start time tells it from a later process with the same pid. */
interface Holder {
  pid: number;
  startTime: string | null;
}

/**
 * Takes the folder for this process.
 *
 * @param data `--data`; "" is a temporary folder that is gone at the end
 * @throws Error when another cluster runs there
 */
export async function takeDataFolder(
  data: string,
  guardian: Guardian,
  progress: (text: string) => void,
): Promise<string> {
  if (data === "") {
    const folder = mkdtempSync(join(tmpdir(), "foyer-"));
    guardian.removeAtEnd(folder);
    return folder;
  }
  const folder = resolve(data);
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, "lock");
  const mine: Holder = { pid: process.pid, startTime: startTimeOf(process.pid) };
  const end = performance.now() + CLEARING_UP_MS;
  for (let told = false; ; ) {
    try {
      writeFileSync(lock, JSON.stringify(mine), { flag: "wx" });
      guardian.removeAtEnd(lock);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = readHolder(lock);
    if (holder === null) continue;
    if (isAlive(holder)) {
      throw new Error(
        `a cluster already runs on ${folder} (process ${holder.pid}): end it, give another --data DIR, ` +
          'or --data "" for a temporary one',
      );
    }
    if (performance.now() > end) {
      removeIfThere(lock);
      continue;
    }
    if (!told) progress("Waiting until what an earlier cluster left behind is cleared up …");
    told = true;
    await pause(LOOK_EVERY_MS);
  }
}

/** Null when the lock is gone meanwhile; an unreadable one is nobody's. */
function readHolder(lock: string): Holder | null {
  try {
    return JSON.parse(readFileSync(lock, "utf8")) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    return { pid: 0, startTime: null };
  }
}

function isAlive({ pid, startTime }: Holder): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return startTime === null || startTimeOf(pid) === startTime;
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
