/**
 * Gets a Redis where none is installed: on Debian and Ubuntu the distribution's own package and the libraries it
 * lacks, unpacked into a cache folder. Nothing is installed, and no root is needed.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Guardian } from "./guardian.ts";

/** A server program, and the libraries that it needs on top of the system's. */
export interface RedisProgram {
  file: string;
  libraries: string[];
}

const run = promisify(execFile);

/** The server's package holds no more than a link to a program of the tools. */
const PACKAGES = ["redis-server", "redis-tools"];
const SERVER = "usr/bin/redis-server";
const WAYS_OUT =
  "Install redis or valkey so that redis-server or valkey-server is on the PATH, or set REDIS_URL to one that runs.";
const MAX_OUTPUT = 16 * 1024 * 1024;

/** Where to find it, fetched now or by an earlier run. */
export async function fetchRedis(options: {
  cacheDir: string;
  guardian: Guardian;
  progress: (text: string) => void;
}): Promise<RedisProgram> {
  const cacheDir = resolve(options.cacheDir);
  const root = join(cacheDir, `redis-${systemName()}`);
  if (existsSync(join(root, SERVER))) return programIn(root);
  if (!((await canRun("apt-get")) && (await canRun("dpkg-deb")))) {
    throw new Error(
      `There is no Redis on this machine, and only on Debian and Ubuntu can it be fetched. ${WAYS_OUT}`,
    );
  }
  mkdirSync(cacheDir, { recursive: true });
  const work = mkdtempSync(join(cacheDir, "fetching-redis-"));
  options.guardian.removeAtEnd(work);
  try {
    await download(work, options.progress);
    options.progress("Unpacking Redis");
    const fresh = join(work, "root");
    for (const name of readdirSync(work).filter((one) => one.endsWith(".deb"))) {
      await run("dpkg-deb", ["-x", join(work, name), fresh]);
    }
    const { file, libraries } = programIn(fresh);
    await run(file, ["--version"], { env: { LD_LIBRARY_PATH: libraries.join(":") } });
    putInPlace(fresh, root);
  } catch (error) {
    throw new Error(`Redis could not be fetched: ${reasonOf(error)}\n${WAYS_OUT}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return programIn(root);
}

/** Another process may have been faster: its copy is as good. */
function putInPlace(fresh: string, root: string): void {
  try {
    renameSync(fresh, root);
  } catch (error) {
    if (!existsSync(join(root, SERVER))) throw error;
  }
}

/** The packages, into `work`: by what the machine knows of its package sources, else by asking them now. */
async function download(work: string, progress: (text: string) => void): Promise<void> {
  const state = join(work, "state");
  const cache = join(work, "cache");
  mkdirSync(join(state, "lists", "partial"), { recursive: true });
  mkdirSync(join(cache, "archives", "partial"), { recursive: true });
  // apt as root would write as another user, who may not be able to reach our folder.
  const common = process.getuid?.() === 0 ? ["-o", "APT::Sandbox::User=root"] : [];
  common.push("-o", `Dir::Cache=${cache}`, "-o", "Dir::State::status=/var/lib/dpkg/status");

  progress("Fetching Redis from the package sources of this system");
  try {
    await downloadPackages(work, common);
  } catch {
    progress("Asking the package sources of this system for what they have");
    const own = [...common, "-o", `Dir::State=${state}`];
    await run("apt-get", [...own, "update"], { maxBuffer: MAX_OUTPUT });
    await downloadPackages(work, own);
  }
}

async function downloadPackages(work: string, options: string[]): Promise<void> {
  // What would be installed is what is needed and not there yet.
  const simulate = ["install", "--simulate", "--no-install-recommends", ...PACKAGES];
  const { stdout } = await run("apt-get", [...options, ...simulate], { maxBuffer: MAX_OUTPUT });
  const needed = [...stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] as string);
  const names = [...new Set([...PACKAGES, ...needed])];
  await run("apt-get", [...options, "download", ...names], { cwd: work, maxBuffer: MAX_OUTPUT });
}

/** Libraries are in lib and usr/lib, in a folder named after the architecture. */
function programIn(root: string): RedisProgram {
  const libraries = ["usr/lib", "lib"]
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { withFileTypes: true, encoding: "utf8" }))
    .filter((entry) => entry.isDirectory() && entry.name.includes("-linux-"))
    .map((entry) => join(entry.path, entry.name));
  return { file: join(root, SERVER), libraries };
}

/** A cache that outlives an upgrade of the system, or is shared by several, must not mix them up. */
function systemName(): string {
  let release = "";
  try {
    release = readFileSync("/etc/os-release", "utf8");
  } catch {
    // Not a Linux that says what it is.
  }
  const value = (name: string) => new RegExp(`^${name}="?([\\w.-]+)`, "m").exec(release)?.[1] ?? "unknown";
  return `${value("ID")}-${value("VERSION_ID")}-${process.arch}`;
}

/** Whether a program is on the PATH, and we may run it. */
export async function canRun(program: string): Promise<boolean> {
  try {
    await run(program, ["--version"]);
    return true;
  } catch (error) {
    // A number is the status of a program that did run; a name, such as ENOENT, says why it did not.
    return typeof (error as NodeJS.ErrnoException).code !== "string";
  }
}

function reasonOf(error: unknown): string {
  const { message, stderr } = error as Error & { stderr?: string };
  return stderr?.trim() ? `${message.split("\n")[0]}\n${stderr.trim()}` : message;
}
