/**
 * Runs tests over one Postgres and one Redis that it starts for them, or over those of DATABASE_URL and REDIS_URL.
 * Usage: npm test -- [--grep TEXT] [FILES or FOLDERS…]
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve, sep } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import postgres from "postgres";
import { migrate } from "../dist/core/migrate.js";
import { startGuardian } from "../dist/deploy/local/guardian.js";
import { startStores } from "../dist/deploy/local/stores.js";
import { createLog } from "../dist/shared/log.js";
import { createTapReader } from "./tap-results.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

const FOLDERS = ["gateway", "core", "shared", "deploy", "loadtest"];
/**
 * Files at a time: clusters mostly wait for timers. More slow each other down on two processors, and tests with deadlines
 * then fail.
 */
const JOBS = 3;
/** How long a test file has to end when it is told to. */
const END_MS = 10_000;
/** Longest that a file may take. */
const FILE_MS = 240_000;
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };

/**
 * Ends before anything was started.
 *
 * @param {string} message
 * @returns {never}
 */
function refuse(message) {
  process.stderr.write(`${message}\nUsage: npm test -- [--grep TEXT] [FILES or FOLDERS…]\n`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options: { grep: { type: "string" } } });
  } catch (error) {
    return refuse(error.message);
  }
}

/**
 * The tests in a folder and below.
 *
 * @param {string} folder
 * @returns {string[]} paths relative to the root
 */
function testsBelow(folder) {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".test.ts") && join(folder, name).split(sep).at(-2) === "test")
    .map((name) => relative(root, join(folder, name)))
    .sort();
}

/**
 * @param {string} path a test, or a folder with tests
 * @returns {string[]}
 */
function testsOf(path) {
  const stat = statSync(resolve(path), { throwIfNoEntry: false });
  if (stat === undefined) return refuse(`There is no ${path}, seen from ${process.cwd()}`);
  return stat.isDirectory() ? testsBelow(resolve(path)) : [relative(root, resolve(path))];
}

/**
 * Runs a statement on the server, in whichever database the address names.
 *
 * @param {string} databaseUrl
 * @param {string} statement
 */
async function runOn(databaseUrl, statement) {
  const sql = postgres(databaseUrl, { max: 1, onnotice() {} });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

/**
 * The migrated database that every test's is a copy of.
 *
 * @param {string} databaseUrl
 */
async function createTemplate(databaseUrl) {
  const name = `foyer_template_${randomBytes(6).toString("hex")}`;
  await runOn(databaseUrl, `create database ${name}`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  await migrate(url.href, createLog("silent"));
  return name;
}

/**
 * Our environment without what would set up a node: tests say what they need themselves.
 *
 * @param {Record<string, string>} own
 */
function environmentOfTests(own) {
  // biome-ignore lint/style/noProcessEnv: passed on to the tests.
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("FOYER_") && name !== "DATABASE_URL" && name !== "REDIS_URL",
  );
  return { ...Object.fromEntries(kept), ...own };
}

/** What ends when we do; the last is first. */
const endings = [];
/** @type {Set<import("node:child_process").ChildProcess>} test files that run */
const running = new Set();
/** Why the tests end before their time. */
let interrupted;

/** Ends the tests now; all else follows from that. */
function interrupt(why) {
  interrupted ??= why;
  for (const child of running) endChild(child);
}

/**
 * Ends what a test file left behind: it leads a group of its own, and the nodes that it starts belong to it. One
 * that a test has stopped would not even end with its parent.
 *
 * @param {import("node:child_process").ChildProcess} child
 */
function endGroup(child) {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It is empty, as it should be.
  }
}

/** @param {import("node:child_process").ChildProcess} child */
function endChild(child) {
  child.kill("SIGTERM");
  setTimeout(() => child.kill("SIGKILL"), END_MS).unref();
}

/**
 * Runs one file, and hands its TAP on as that of a subtest. tap's own runner would load its instruments into
 * every process that a test starts: they would be slower than, and not quite, what users run.
 *
 * @param {string} file
 * @param {string[]} loaded modules to load first
 * @param {Record<string, string>} env
 */
async function runFile(file, loaded, env, reader) {
  const started = performance.now();
  const options = loaded.map((module) => `--import=${module}`);
  const child = spawn(process.execPath, [...options, file], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  child.on("exit", () => endGroup(child));
  running.add(child);
  const timer = setTimeout(() => {
    process.stderr.write(`${file} takes longer than ${FILE_MS / 1000} s: it is ended\n`);
    endChild(child);
  }, FILE_MS);
  const closed = new Promise((done) => child.on("close", done));
  const lines = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  const status = await closed;
  clearTimeout(timer);
  running.delete(child);
  reader.read(`# Subtest: ${file}`);
  for (const line of lines) reader.read(line === "" ? "" : `    ${line}`);
  const time = (performance.now() - started).toFixed(0);
  reader.read(`${status === 0 ? "ok" : "not ok"} 1 - ${file} # time=${time}ms`);
}

/**
 * Runs the files, some at a time.
 *
 * @param {string[]} files
 * @param {string | undefined} grep
 * @param {Record<string, string>} own
 */
async function runFiles(files, grep, own, reader) {
  const filter = grep === undefined ? [] : [new URL("test-filter.mjs", import.meta.url).href];
  const asked = grep === undefined ? {} : { TEST_GREP: grep };
  const env = environmentOfTests({ ...own, ...asked, TAP_TIMEOUT: String(FILE_MS / 1000) });
  const left = [...files];
  // One begins at the end: whole clusters under load stand there, which are the longest, and wait the most.
  const next = (job) => (job === 0 ? left.pop() : left.shift());
  const work = async (job) => {
    for (let file = next(job); file !== undefined && interrupted === undefined; file = next(job)) {
      await runFile(file, ["tsx", ...filter], env, reader);
    }
  };
  await Promise.all(Array.from({ length: JOBS }, (_, job) => work(job)));
}

/** @returns {Promise<void>} when all have run, or were ended */
async function runAll(files, grep, reader) {
  const guardian = await startGuardian();
  endings.push(() => guardian.close());
  const dir = mkdtempSync(join(tmpdir(), "foyer-tests-"));
  guardian.removeAtEnd(dir);
  const stores = await startStores({
    dir,
    cacheDir: join(root, ".foyer", "cache"),
    durable: false,
    // biome-ignore lint/style/noProcessEnv: stores that are there already.
    databaseUrl: process.env.DATABASE_URL,
    // biome-ignore lint/style/noProcessEnv: as above.
    redisUrl: process.env.REDIS_URL,
    guardian,
    progress: (text) => process.stdout.write(`${text}\n`),
    restart: false,
  });
  endings.push(() => stores.stop());
  stores.failed.then(interrupt, interrupt);
  const { databaseUrl, redisUrl } = stores;
  const template = await createTemplate(databaseUrl);
  endings.push(() => runOn(databaseUrl, `drop database ${template} with (force)`));
  if (interrupted !== undefined) return;
  const env = { TEST_DATABASE_URL: databaseUrl, TEST_TEMPLATE: template, TEST_REDIS_URL: redisUrl };
  await runFiles(files, grep, env, reader);
}

const { values, positionals } = readArguments();
const files =
  positionals.length > 0
    ? positionals.flatMap(testsOf)
    : FOLDERS.flatMap((folder) => testsBelow(join(root, folder)));
if (files.length === 0) refuse("There are no tests there: they are files test/*.test.ts");
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => interrupt(signal));

const reader = createTapReader((line) => process.stdout.write(`${line}\n`));
let isGood = false;
try {
  await runAll(files, values.grep, reader);
  isGood = true;
} catch (error) {
  process.stderr.write(`The tests could not run: ${error.stack ?? error}\n`);
}
for (const end of endings.reverse()) {
  try {
    await end();
  } catch (error) {
    if (interrupted === undefined) process.stderr.write(`Ending the tests: ${error.message}\n`);
  }
}
const { total } = reader;
if (interrupted !== undefined)
  process.stderr.write(`The tests were ended: ${interrupted.message ?? interrupted}\n`);
else if (total.passed + total.failed === 0) {
  process.stderr.write(
    `No test ran${values.grep === undefined ? "" : `: no name contains "${values.grep}"`}.\n`,
  );
}
isGood &&= interrupted === undefined && total.failed === 0 && total.passed > 0;
// A run that failed as a whole is never reported as one without failures.
const failed = isGood ? 0 : Math.max(total.failed, 1);
process.stdout.write(`${total.passed} passed, ${failed} failed\n`);
process.exitCode = isGood ? 0 : (SIGNAL_EXIT_CODES[interrupted] ?? 1);
