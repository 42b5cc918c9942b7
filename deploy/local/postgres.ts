/** A real Postgres of our own, from the npm package's binaries: makes its data if need be, starts and stops it. */
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import postgres from "postgres";
import { type PostgresAccount, postgresAccount } from "./postgres-account.ts";
import { findPostgresBinaries } from "./postgres-binaries.ts";
import {
  lastLines,
  type ServerKind,
  type StoreOptions,
  type StoreServer,
  sizeOf,
  spawnLogged,
  startServer,
} from "./store-server.ts";

const USER = "foyer";
const DATABASE = "foyer";

/** Nobody but programs on this machine gets in, and they without a password. */
const HBA = "host all all 127.0.0.1/32 trust\n";

const SETTINGS = [
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "jit=off",
  "max_connections=200",
] as const;
/**
 * What is committed is handed to the system, but not waited for until it is on the disk: a server that is killed
 * loses nothing all the same, only a machine that loses power would.
 */
const NOT_DURABLE = ["fsync=off", "full_page_writes=off"] as const;

/** Starts Postgres on `options.dir`; resolves when the database can be used. */
export async function startPostgres(options: StoreOptions): Promise<StoreServer> {
  const dir = resolve(options.dir);
  const binaries = findPostgresBinaries();
  mkdirSync(dirname(dir), { recursive: true });
  const account = postgresAccount(dir, binaries);
  if (!existsSync(join(dir, "PG_VERSION"))) await makeData(dir, binaries, account, options);
  clearStaleLock(dir);

  const settings = [...SETTINGS, ...(options.durable ? [] : NOT_DURABLE)].flatMap((one) => ["-c", one]);
  const kind: ServerKind = {
    name: "Postgres",
    // The fast shutdown: does not wait for clients to leave.
    stopSignal: "SIGINT",
    stopWithinMs: 10_000,
    // After a crash it first replays its log.
    readyWithinMs: 60_000,
    portTaken: /could not bind|could not create any TCP\/IP sockets/,
    url: (port) => urlOf(port, DATABASE),
    command: (port) =>
      account.command(join(binaries, "postgres"), ["-D", dir, "-p", String(port), ...settings]),
    probe: (port) => probe(port, dir),
  };
  return startServer(kind, { ...options, dir });
}

function urlOf(port: number, database: string): string {
  return `postgres://${USER}@127.0.0.1:${port}/${database}`;
}

/** Under another name first: what is interrupted leaves no half data. */
async function makeData(
  dir: string,
  binaries: string,
  account: PostgresAccount,
  { durable, guardian, progress }: StoreOptions,
): Promise<void> {
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw new Error(
      `${dir} has files in it, but no Postgres data (no PG_VERSION). Move them away, or choose another data folder.`,
    );
  }
  progress("Making a new Postgres database");
  const fresh = `${dir}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  account.own(fresh);
  const options = ["--username", USER, "--auth", "trust", "--encoding", "UTF8"];
  // Sorts by code point, yet knows upper and lower case in every script; needs nothing of the system.
  options.push("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8");
  if (!durable) options.push("--no-sync");
  const { file, args, spawn } = account.command(join(binaries, "initdb"), ["-D", fresh, ...options]);
  const log = `${dir}.log`;
  const logStart = sizeOf(log);
  const child = spawnLogged(file, args, log, spawn);
  await once(child, "spawn").catch((error: Error) => {
    throw new Error(`Postgres' initdb could not be run (${file}): ${error.message}`);
  });
  guardian.watch(child.pid as number, "SIGTERM");
  const [status, signal] = await once(child, "exit");
  guardian.unwatch(child.pid as number);
  if (status !== 0) {
    throw new Error(
      `Making the Postgres database ${dir} failed: ${signal ?? `status ${status}`}.${lastLines(log, logStart)}`,
    );
  }
  writeFileSync(join(fresh, "pg_hba.conf"), HBA);
  // An empty folder of that name gives way.
  renameSync(fresh, dir);
}

/**
 * Postgres itself takes over the lock of a dead process. It does not see that the pid now belongs to something
 * else, and it does not say well that an earlier Postgres still runs.
 */
function clearStaleLock(dir: string): void {
  const lock = join(dir, "postmaster.pid");
  if (process.platform !== "linux" || !existsSync(lock)) return;
  const pid = Number(readFileSync(lock, "utf8").split("\n")[0]);
  if (isPostgresOn(pid, dir)) {
    throw new Error(
      `A Postgres of an earlier run still uses ${dir}: process ${pid}. End that run, or only it: kill -INT ${pid}`,
    );
  }
  rmSync(lock, { force: true });
}

function isPostgresOn(pid: number, dir: string): boolean {
  try {
    if (readFileSync(`/proc/${pid}/comm`, "utf8").trim() !== "postgres") return false;
  } catch {
    return false;
  }
  try {
    // It works in its data folder.
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dir);
  } catch {
    // Another user's: rather an error too many than two servers on the same files.
    return true;
  }
}

/** Throws until it accepts connections, is ours, and has the database. */
async function probe(port: number, dir: string): Promise<void> {
  const sql = postgres(urlOf(port, "postgres"), {
    max: 1,
    ssl: false,
    connect_timeout: 5,
    onnotice: () => undefined,
  });
  try {
    const [row] = await sql<{ at: string }[]>`select current_setting('data_directory') as at`;
    if (row?.at !== dir) throw new Error(`port ${port} belongs to another Postgres, on ${row?.at}`);
    const found = await sql`select 1 from pg_database where datname = ${DATABASE}`;
    if (found.length === 0) await sql.unsafe(`create database ${DATABASE}`);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
