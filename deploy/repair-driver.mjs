/**
 * Repairs the Postgres driver in node_modules/, which in its newest version, 3.4.9, cannot take a link that breaks
 * in a transaction: it writes to the socket that is gone, and that ends the process; or it keeps what was not
 * written, and the connection never works again. Part of every build. Only node: modules.
 * Reported as github.com/porsager/postgres/issues/1208 and 1154. Usage: node deploy/repair-driver.mjs
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "node_modules", "postgres");

const MARK = "// Repaired by deploy/repair-driver.mjs of Foyer.\n";

/** What stands there, and what is to stand there. */
const repairs = [
  // Who writes to a link that is gone is told so.
  [
    "  function nextWrite(fn) {\n",
    `  function nextWrite(fn) {
    if (!socket) {
      chunk = nextWriteTimer = null
      error(Errors.connection('CONNECTION_CLOSED', options))
      query = null
      return false
    }
`,
  ],
  // What was not written is no part of the next link; a server that hangs up at once is away, not to be asked again
  // and again without a pause; all that waits for an answer is told, also what was asked between error and close.
  [
    `    if (initial)
      return reconnect()

    !hadError && (query || sent.length) && error(Errors.connection('CONNECTION_CLOSED', options, socket))
`,
    `    chunk = nextWriteTimer = null
    if (initial && options.host[retries + 1])
      return reconnect()

    ;(initial || query || sent.length) && error(Errors.connection('CONNECTION_CLOSED', options))
    query = results = errorResponse = null
    result = new Result()
`,
  ],
];

/** @param {string} file */
function repair(file) {
  const text = readFileSync(file, "utf8");
  if (text.startsWith(MARK)) return;
  let repaired = MARK + text;
  for (const [before, after] of repairs) {
    if (repaired.split(before).length !== 2) {
      throw new Error(`${file} is not as deploy/repair-driver.mjs expects it: is it version 3.4.9?`);
    }
    repaired = repaired.replace(before, () => after);
  }
  // Another name first: the file may be shared with other checkouts, and somebody may be reading it.
  const fresh = `${file}.${process.pid}`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, repaired);
  renameSync(fresh, file);
}

/** Repairs it, once. @throws Error when it is another version */
export function repairDriver() {
  for (const folder of ["src", join("cjs", "src")]) repair(join(root, folder, "connection.js"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) repairDriver();
