/**
 * Notices that npm or npx, which started us, is gone: neither hands signals on, and a cluster that nobody can
 * reach with Ctrl-C would run for ever.
 */
import { readFileSync } from "node:fs";

const LOOK_EVERY_MS = 250;
/** npm → shell → us; a shell may stand for another. */
const MAX_STEPS = 4;

type Environment = Readonly<Record<string, string | undefined>>;

/** @returns stops watching */
export function watchParent(environment: Environment, onGone: () => void): () => void {
  if (environment.npm_execpath === undefined && environment.npm_command === undefined) return () => {};
  const parents = ancestorsUpToNpm();
  const timer = setInterval(() => {
    const isSame =
      process.ppid === parents[0] && parents.slice(1).every((pid, i) => parentOf(parents[i]!) === pid);
    if (isSame) return;
    clearInterval(timer);
    onGone();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Our parent, and its parents up to npm where the system tells. */
function ancestorsUpToNpm(): number[] {
  const pids = [process.ppid];
  while (pids.length < MAX_STEPS && !isNpm(pids.at(-1)!)) {
    const parent = parentOf(pids.at(-1)!);
    if (parent === null || parent <= 1) return [process.ppid];
    pids.push(parent);
  }
  return isNpm(pids.at(-1)!) ? pids : [process.ppid];
}

function isNpm(pid: number): boolean {
  return /\bnp[mx]\b/.test(read(`/proc/${pid}/cmdline`).replaceAll("\0", " "));
}

function parentOf(pid: number): number | null {
  const stat = read(`/proc/${pid}/stat`);
  const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  return Number.isInteger(parent) ? parent : null;
}

/** Empty where there is no such process, or no /proc: then our own parent is watched alone. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
