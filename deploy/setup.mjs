/**
 * Makes a checkout ready to run: dependencies, the test tool with --test, the build. Does nothing where all is
 * there. Only node: modules, because it runs before dependencies are. Usage: node deploy/setup.mjs [--test]
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const state = join(root, ".foyer");
const lock = join(state, "setup.lock");

const OLDEST_NODE = 20;
const LOOK_AT_LOCK_EVERY_MS = 200;
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };

const uwsHelp = `uWebSockets.js, the WebSocket server of the gateway, does not load on this system.
It needs Node 20, 21, 22, 24 or 25 on Linux (glibc), macOS or Windows (x64); its builds for Node 22 and later need
glibc 2.38 (Debian 13, Ubuntu 24.04, Fedora 39), the one for Node 20 does not. So: use Node 20, or a newer system.
This is Node ${process.versions.node}, ${process.platform} ${process.arch}${glibc()}. It said:`;

/** @returns {string} the glibc of this system, to print */
function glibc() {
  const version = process.report?.getReport().header.glibcVersionRuntime;
  return version === undefined ? "" : `, glibc ${version}`;
}

/**
 * Ends with a message, and the output of what failed.
 *
 * @param {string} message
 * @param {string} [output]
 * @returns {never}
 */
function fail(message, output = "") {
  process.stderr.write(`${[message, output.trim()].filter(Boolean).join("\n")}\n`);
  process.exit(1);
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}

/** The program that runs now: it ends before we do, or it would go on without the lock. */
let running;
/** The signal that asked us to end. */
let endedBy;

/**
 * Runs a program to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").StdioOptions} [stdio] its output is collected unless told otherwise
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
async function run(command, args, stdio = ["ignore", "pipe", "pipe"]) {
  let output = "";
  const ok = await new Promise((resolve) => {
    running = spawn(command, args, { cwd: root, stdio });
    for (const stream of [running.stdout, running.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    running.on("error", (error) => {
      output += error.message;
      resolve(false);
    });
    running.on("close", (status) => resolve(status === 0));
  });
  running = undefined;
  if (endedBy !== undefined) process.exit(SIGNAL_EXIT_CODES[endedBy]);
  return { ok, output };
}

/**
 * What was installed, in one line: another one means installing again.
 *
 * @param {string} file that it depends on
 */
function stampOf(file) {
  const hash = createHash("sha1")
    .update(readFileSync(join(root, file)))
    .digest("hex");
  return `${hash} node ${process.versions.node} ${process.platform} ${process.arch}`;
}

/**
 * Does a step unless its stamp in node_modules/ (that npm ci empties) says it is done.
 *
 * @param {string} name
 * @param {string} stamp
 * @param {() => Promise<void>} work
 */
async function once(name, stamp, work) {
  const file = join(root, "node_modules", name);
  if (existsSync(file) && readFileSync(file, "utf8") === stamp) return;
  rmSync(file, { force: true });
  await work();
  writeFileSync(file, stamp);
}

/** Dependencies exactly as in package-lock.json. */
async function install() {
  say("Installing dependencies (about a minute) …");
  // Building and testing need the development ones, whatever NODE_ENV says.
  const args = ["ci", "--no-audit", "--no-fund", "--include=dev"];
  // biome-ignore lint/style/noProcessEnv: the npm that started us is the one to use; it may not be in the PATH.
  const npm = process.env.npm_execpath ?? "";
  // Another package manager sets the same variable, and has no `ci`.
  const { ok, output } = /npm-cli\.[cm]?js$/.test(npm)
    ? await run(process.execPath, [npm, ...args])
    : await run("npm", args);
  if (!ok) fail("Installing dependencies failed (npm ci, in the folder of Foyer). npm said:", output);
  // In a process of its own: a native library of the wrong kind can end the one that loads it.
  const uws = await run(process.execPath, ["--print", "typeof require('uWebSockets.js').App"]);
  if (!uws.ok) fail(uwsHelp, uws.output);
}

/** The test tool puts itself together from its plugins, once; two test runs at a time would both do it. */
async function buildTap() {
  const { ok, output } = await run(process.execPath, [
    join(root, "node_modules/tap/dist/esm/run.mjs"),
    "build",
  ]);
  if (!ok) fail("Preparing the test tool failed (npx tap build). It said:", output);
}

/**
 * The process that holds the lock; undefined when it is dead.
 *
 * @param {string} folder
 */
function holderOf(folder) {
  let pid;
  try {
    pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // EPERM: it lives, and belongs to another user.
    return error.code === "EPERM" ? pid : undefined;
  }
}

/** Puts a dead process' lock aside, and back where another one took it at this moment. */
function breakLock() {
  const aside = `${lock}.${process.pid}.dead`;
  try {
    renameSync(lock, aside);
  } catch {
    // Released, or broken by another one that waits.
    return;
  }
  if (holderOf(aside) === undefined) rmSync(aside, { recursive: true, force: true });
  else renameSync(aside, lock);
}

/** One setup at a time. The folder gets its name with the pid inside, so that nobody sees a lock without one. */
async function takeLock() {
  const mine = `${lock}.${process.pid}`;
  rmSync(mine, { recursive: true, force: true });
  mkdirSync(mine, { recursive: true });
  writeFileSync(join(mine, "pid"), `${process.pid}`);
  let held = false;
  process.on("exit", () => rmSync(held ? lock : mine, { recursive: true, force: true }));
  for (let told = false; ; ) {
    try {
      renameSync(mine, lock);
      held = true;
      return;
    } catch (error) {
      // Some systems say EPERM for a folder that is there already.
      if (!["ENOTEMPTY", "EEXIST", "EPERM"].includes(error.code)) throw error;
    }
    const holder = holderOf(lock);
    if (holder === undefined) {
      breakLock();
      continue;
    }
    if (!told)
      say(`Waiting for another setup, process ${holder} (if it is none: remove .foyer/setup.lock) …`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AT_LOCK_EVERY_MS));
  }
}

if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
  fail(
    `Foyer needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}. Get one at https://nodejs.org`,
  );
}
if (!existsSync(join(root, "package-lock.json"))) {
  fail(
    "package-lock.json is missing: this is no whole checkout of Foyer. Run: git checkout package-lock.json",
  );
}
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    endedBy = signal;
    if (running === undefined) process.exit(SIGNAL_EXIT_CODES[signal]);
    running.kill("SIGTERM");
  });
}

await takeLock();
await once(".foyer-setup", stampOf("package-lock.json"), install);
if (process.argv.includes("--test")) await once(".foyer-setup-test", stampOf(".taprc"), buildTap);
const build = await run(process.execPath, [join(root, "deploy", "build.mjs")], "inherit");
process.exitCode = build.ok ? 0 : 1;
