/** The local stores against real servers, and the guardian against parents that die. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import postgres from "postgres";
import t, { type Test } from "tap";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { type Guardian, startGuardian, startTimeOf } from "../local/guardian.ts";
import { startPostgres } from "../local/postgres.ts";
import { type StoresOptions, startStores } from "../local/stores.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const guardianUrl = new URL("../local/guardian.ts", import.meta.url).href;

const guardian: Guardian = await startGuardian();
t.teardown(() => guardian.close());

/** A folder that goes away with the guardian; closed to other users, as temporary folders are. */
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "foyer-stores-"));
  guardian.removeAtEnd(folder);
  return folder;
}

function optionsIn(dir: string, more: Partial<StoresOptions> = {}): StoresOptions {
  const cacheDir = join(root, ".foyer", "cache");
  return { dir, cacheDir, durable: false, guardian, progress: () => undefined, restart: false, ...more };
}

/** A process that only waits; with `stubborn`, one that a SIGTERM does not end. */
async function startSleeper(t: Test, stubborn = false): Promise<ChildProcess & { pid: number }> {
  const code = `${stubborn ? "process.on('SIGTERM', () => {});" : ""} setInterval(() => {}, 1000); console.log("up")`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child as unknown as ChildProcess & { pid: number };
}

/** A process that has a guardian watch `pid` and remove `path`, and says the guardian's pid. */
async function startParent(
  t: Test,
  pid: number,
  path: string,
): Promise<{ parent: ChildProcess; guard: number }> {
  const code = `
    const { startGuardian } = await import(${JSON.stringify(guardianUrl)});
    const guardian = await startGuardian();
    guardian.watch(${pid}, "SIGTERM");
    guardian.removeAtEnd(${JSON.stringify(path)});
    setInterval(() => {}, 1000);
    console.log("up");`;
  const args = ["--import", "tsx", "--input-type=module", "-e", code];
  const parent = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => parent.kill("SIGKILL"));
  await once(parent.stdout, "data");
  return { parent, guard: guardianOf(parent.pid as number) };
}

/** The guardian of a process, 0 while there is none; tsx has a child of its own there. */
function guardianOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return Number(children.find((child) => commandLine(child).includes("guardian-process")) ?? 0);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It ended between the two looks.
    return "";
  }
}

const isGone = (pid: number) => startTimeOf(pid) === null;

t.test("guardian: a parent killed by SIGKILL leaves no process and no folder", async (t) => {
  const path = makeFolder();
  writeFileSync(join(path, "file"), "");
  const sleeper = await startSleeper(t);
  const { parent } = await startParent(t, sleeper.pid, path);
  parent.kill("SIGKILL");
  await waitFor("the sleeper to end", () => isGone(sleeper.pid));
  await waitFor("the folder to go", () => !existsSync(path));
  t.pass("both are gone");
});

t.test("guardian: one that is killed is replaced, and the new one knows everything", async (t) => {
  const path = makeFolder();
  const sleeper = await startSleeper(t);
  const { parent, guard } = await startParent(t, sleeper.pid, path);
  process.kill(guard, "SIGTERM");
  process.kill(guard, "SIGINT");
  process.kill(guard, "SIGKILL");
  await waitFor("the guardian to end", () => isGone(guard));
  await waitFor("another guardian", () => {
    const next = guardianOf(parent.pid as number);
    return next !== 0 && next !== guard;
  });
  t.notOk(isGone(sleeper.pid));
  parent.kill("SIGKILL");
  await waitFor("the sleeper to end", () => isGone(sleeper.pid));
  await waitFor("the folder to go", () => !existsSync(path));
  t.pass("both are gone");
});

t.test(
  "guardian: kills what ignores its signal, spares a reused pid and what it need not watch",
  async (t) => {
    const [stubborn, unwatched, foreign] = await Promise.all([
      startSleeper(t, true),
      startSleeper(t),
      startSleeper(t),
    ]);
    const file = fileURLToPath(new URL("../local/guardian-process.ts", import.meta.url));
    const guard = spawn(process.execPath, ["--import", "tsx", file], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    const tell = (message: object) =>
      guard.stdin.write(`${JSON.stringify({ signal: "SIGTERM", ...message })}\n`);
    tell({ do: "watch", pid: stubborn.pid, startTime: startTimeOf(stubborn.pid) });
    tell({ do: "watch", pid: unwatched.pid, startTime: startTimeOf(unwatched.pid) });
    tell({ do: "unwatch", pid: unwatched.pid });
    tell({ do: "watch", pid: foreign.pid, startTime: "1" });
    guard.stdin.end('{"do":"half a li');
    t.strictSame(await once(guard, "exit"), [0, null]);
    await waitFor("the stubborn one to end", () => stubborn.signalCode === "SIGKILL");
    t.notOk(isGone(unwatched.pid));
    t.notOk(isGone(foreign.pid));
  },
);

t.test("stores: start at once, are started again on their ports when they die, and stop", async (t) => {
  let changes = 0;
  const dir = makeFolder();
  const stores = await startStores(
    optionsIn(dir, { durable: true, restart: true, onChange: () => changes++ }),
  );
  t.teardown(() => stores.stop());
  const sql = postgres(stores.databaseUrl, { max: 1, onnotice: () => undefined });
  t.teardown(() => sql.end({ timeout: 1 }));
  const redis = new Redis(stores.redisUrl);
  redis.on("error", () => undefined);
  t.teardown(() => redis.disconnect());
  await sql`create table kept (n int)`;
  await sql`insert into kept values (1)`;
  await redis.set("kept", "1");
  await redis.config("SET", "appendfsync", "always");
  await redis.set("kept", "2");

  const before = [stores.postgresPid(), stores.redisPid()] as number[];
  for (const pid of before) process.kill(pid, "SIGKILL");
  await waitFor("both to be started again", () => changes === 2);
  const after = [stores.postgresPid(), stores.redisPid()] as number[];
  t.ok(before.every((pid) => !after.includes(pid)));
  await waitFor("the table", () => sql`select n from kept`.then(([row]) => row?.n === 1).catch(() => false));
  await waitFor("the key", () => redis.get("kept").then((value) => value === "2"));

  await stores.stop();
  for (const pid of after) t.ok(isGone(pid));
});

t.test("stores: without restart the death of one is told, with its log", async (t) => {
  const stores = await startStores(optionsIn(makeFolder()));
  t.teardown(() => stores.stop());
  const pid = stores.redisPid() as number;
  process.kill(pid, "SIGKILL");
  const error = await stores.failed;
  t.match(error.message, `Redis (pid ${pid}) ended unexpectedly: SIGKILL`);
  t.match(error.message, "redis.log");
});

t.test("stores: those given by URL are left alone, and nothing is started for them", async (t) => {
  const dir = makeFolder();
  const urls = { databaseUrl: "postgres://db.example/foyer", redisUrl: "redis://redis.example" };
  const stores = await startStores(optionsIn(dir, urls));
  t.match(stores, urls);
  t.equal(stores.postgresPid(), null);
  t.equal(stores.redisPid(), null);
  await stores.stop();
  t.notOk(existsSync(join(dir, "postgres")));
});

t.test("postgres: survives leftovers, refuses a second server on its data", async (t) => {
  const dir = join(makeFolder(), "postgres");
  // An initdb that was interrupted.
  mkdirSync(`${dir}.new`);
  writeFileSync(`${dir}.new/PG_VERSION`, "18");
  const options = { dir, guardian, durable: false, progress: () => undefined };
  const first = await startPostgres(options);
  t.teardown(() => first.stop());
  await t.rejects(startPostgres(options), {
    message: new RegExp(`earlier run still uses .*process ${first.pid}`),
  });
  await first.stop();
  // A lock whose process is gone and whose pid is another program's now.
  writeFileSync(join(dir, "postmaster.pid"), `${process.pid}\n${dir}\n`);
  const second = await startPostgres(options);
  await second.stop();
  t.ok(isGone(second.pid));
});

t.test("postgres: says what its log says when it cannot start", async (t) => {
  const dir = join(makeFolder(), "postgres");
  const options = { dir, guardian, durable: false, progress: () => undefined };
  await (await startPostgres(options)).stop();
  writeFileSync(join(dir, "postgresql.conf"), "no_such_setting = 1\n");
  await t.rejects(startPostgres(options), { message: /did not start.*postgres\.log[\s\S]*no_such_setting/ });
});

const asRoot = process.getuid?.() === 0;
t.test("postgres: of root runs as nobody", { skip: !asRoot && "needs root" }, async (t) => {
  const folder = makeFolder();
  const user = (pid: number) => /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  for (const [what, mode] of [
    ["in a folder open to all", 0o755],
    ["in a folder closed to it", 0o700],
  ] as const) {
    chmodSync(folder, mode);
    const dir = join(folder, "postgres");
    const server = await startPostgres({ dir, guardian, durable: false, progress: () => undefined });
    t.equal(user(server.pid), "65534", what);
    t.equal(statSync(dir).uid, 65534, what);
    t.equal(readFileSync(`/proc/${server.pid}/comm`, "utf8"), "postgres\n", "the pid is its own");
    await server.stop();
  }
});
