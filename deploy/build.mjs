/**
 * Compiles Foyer into dist/, with the files beside the code that it reads at run time. Only node: modules, because
 * it also runs where dependencies are missing. Types are checked by `npm run check`: that takes ten times as long.
 * Usage: node deploy/build.mjs [--force]
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleTypebox } from "./bundle-typebox.mjs";
import { repairDriver } from "./repair-driver.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const fresh = `${dist}.${process.pid}`;
const replaced = `${dist}.${process.pid}.old`;

/** Same folders as `include` of tsconfig.json. */
const FOLDERS = ["gateway", "core", "shared", "deploy", "loadtest"];
/** What else a change of makes the build old. */
const SETTINGS = ["tsconfig.json", "package-lock.json"];
/** Builds that run at the same time replace dist/ one after the other. */
const SWAP_ATTEMPTS = 10;

/**
 * All files below a folder of the project, as paths relative to its root.
 *
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(folder) {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const name = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(name) : [name];
  });
}

/**
 * What is not compiled and has its place in dist/ all the same.
 *
 * @param {string} file
 */
function isCopied(file) {
  return (
    /\.(sql|lua)$|unit-costs\.json$/.test(file) ||
    (dirname(file) === join("deploy", "worlds") && file.endsWith(".json"))
  );
}

/**
 * Names one state of the sources. Times and sizes are enough, and far faster to read than contents.
 *
 * @param {string[]} files
 */
function stampOf(files) {
  const hash = createHash("sha1");
  for (const file of [...SETTINGS, ...files]) {
    const { mtimeMs, size } = statSync(join(root, file));
    hash.update(`${file.split(sep).join("/")} ${mtimeMs} ${size}\n`);
  }
  return hash.digest("hex");
}

/** The stamp of what is in dist/ now; empty where there is none. */
function builtStamp() {
  const file = join(dist, ".stamp");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** Removes what builds left that were killed. */
function removeAbandoned() {
  for (const name of readdirSync(root)) {
    const pid = /^dist\.(\d+)(\.old)?$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(join(root, name), { recursive: true, force: true });
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Puts the new build where dist/ was. A process that runs from the old one has its code loaded already. */
function swapIn() {
  for (let attempt = 1; ; attempt++) {
    rmSync(replaced, { recursive: true, force: true });
    try {
      if (existsSync(dist)) renameSync(dist, replaced);
      renameSync(fresh, dist);
      break;
    } catch (error) {
      // Another build put its own dist/ there between the two renames, or took the old one away.
      if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(error.code) || attempt === SWAP_ATTEMPTS) throw error;
    }
  }
  rmSync(replaced, { recursive: true, force: true });
}

/** Ends with the reason on stderr; dist/ stays as it was. */
function fail(message) {
  process.stderr.write(`${message}\n`);
  rmSync(fresh, { recursive: true, force: true });
  process.exit(1);
}

try {
  repairDriver();
} catch (error) {
  fail(`Cannot build: ${error.message}`);
}

const files = FOLDERS.flatMap(filesBelow)
  .filter((file) => /\.ts$|\.json$/.test(file) || isCopied(file))
  .sort();
// Taken before compiling: what changes meanwhile is for the next build.
const stamp = stampOf(files);

if (process.argv.includes("--force") || builtStamp() !== stamp) {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  if (!existsSync(compiler)) {
    fail("Cannot build: the TypeScript compiler is not installed. Run: node deploy/setup.mjs");
  }
  process.stdout.write("Building …\n");
  removeAbandoned();
  const tsc = spawnSync(process.execPath, [compiler, "--noCheck", "--outDir", fresh], {
    cwd: root,
    encoding: "utf8",
  });
  if (tsc.status !== 0) {
    fail(`${tsc.stdout}${tsc.stderr}\nThe build failed: see the errors of the compiler above.`);
  }
  for (const file of files.filter(isCopied)) {
    const target = join(fresh, file);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(root, file), target);
  }
  try {
    await bundleTypebox(root, fresh);
  } catch (error) {
    fail(`Cannot build: ${error.message}`);
  }
  writeFileSync(join(fresh, ".stamp"), stamp);
  swapIn();
}
