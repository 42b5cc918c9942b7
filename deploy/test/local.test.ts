import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const program = join(root, "deploy/bin/foyer.mjs");

/** A cluster on its own stores may need a while on a busy machine. */
const START_MS = 60_000;
const END_MS = 30_000;

interface ReadyFile {
  gateways: { id: string; ws: string; http: string; ops: string; pid: number }[];
  workers: { id: string; ops: string; pid: number }[];
  database_url: string;
  redis_url: string;
  postgres_pid: number;
  redis_pid: number;
  world: string;
}

/** A started `foyer local`, in whatever way. */
interface Local {
  process: ChildProcess;
  written: { stdout: string; stderr: string };
  readyFile: string;
  ready(): ReadyFile;
  ended: Promise<number | null>;
}

// biome-ignore lint/style/noProcessEnv: what starting a program takes, and nothing of ours
const { PATH, HOME } = process.env;

function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "foyer-local-test-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function start(
  t: Test,
  args: string[],
  environment: Record<string, string> = {},
  command = process.execPath,
): Local {
  const readyFile = join(temporaryFolder(t), "ready.json");
  const options = ["local", "--port", "0", "--ready-file", readyFile, ...args];
  const child = spawn(
    command,
    command === process.execPath ? [program, ...options] : ["start", "--", ...options.slice(1)],
    {
      cwd: root,
      env: { PATH, HOME, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const written = { stdout: "", stderr: "" };
  child.stdout!.on("data", (text: Buffer) => {
    written.stdout += text.toString();
  });
  child.stderr!.on("data", (text: Buffer) => {
    written.stderr += text.toString();
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  t.teardown(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  return {
    process: child,
    written,
    readyFile,
    ready: () => JSON.parse(readFileSync(readyFile, "utf8")),
    ended,
  };
}

async function untilServing(local: Local): Promise<ReadyFile> {
  await waitFor(
    "the cluster to serve",
    () => {
      if (local.process.exitCode !== null) throw new Error(`it ended: ${local.written.stderr}`);
      return existsSync(local.readyFile);
    },
    START_MS,
  );
  return local.ready();
}

const pidsOf = ({ gateways, workers, postgres_pid, redis_pid }: ReadyFile) => [
  ...[...gateways, ...workers].map(({ pid }) => pid),
  postgres_pid,
  redis_pid,
];

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie has ended; who its parent was is gone, and init has not looked yet.
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function untilGone(pids: number[]): Promise<void> {
  await waitFor("its processes to be gone", () => !pids.some(isAlive), END_MS);
}

async function logIn(ws: string, payload: unknown) {
  const client = await connectClient(`${ws}/ws/world/sample`);
  await client.logIn(payload);
  return client;
}

t.test("a temporary cluster", async (t) => {
  // Its own: other tests make and remove theirs meanwhile.
  const temporary = temporaryFolder(t);
  // Postgres runs under an account of its own where we are root.
  chmodSync(temporary, 0o755);
  const local = start(t, ["--data", ""], { FOYER_LOCAL_RESTART_STORES: "1", TMPDIR: temporary });
  const first = await untilServing(local);

  t.test("ends with a screen that has addresses, tokens and two lines to paste", async (t) => {
    await waitFor("the screen", () => local.written.stdout.includes("Ctrl-C ends it."));
    for (const { ws } of first.gateways) t.match(local.written.stdout, `${ws}/ws/world/sample`);
    const tokens = local.written.stdout.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g) ?? [];
    const admin = await connectClient(`${first.gateways[0]!.ws}/ws/world/sample`);
    const { "world.config": config } = await admin.logIn({ token: tokens[0] });
    t.ok(config.permissions.includes("world:update"));
    t.ok(config.rooms.length >= 8);
    const attendee = await connectClient(`${first.gateways[1]!.ws}/ws/world/sample`);
    const { "world.config": seen } = await attendee.logIn({ token: tokens[1] });
    t.notOk(seen.permissions.includes("world:update"));
    for (const client of [admin, attendee]) client.end();
  });

  t.test("a changed profile crosses the nodes", async (t) => {
    const payload = { client_id: randomUUID() };
    const [near, far] = [
      await logIn(first.gateways[0]!.ws, payload),
      await logIn(first.gateways[1]!.ws, payload),
    ];
    t.ok((await near.ask("user.update", { profile: { display_name: "Ada" } })).ok);
    t.match(await far.next(), ["user.updated", { profile: { display_name: "Ada" } }]);
    for (const client of [near, far]) client.end();
  });

  t.test("a node that is killed is started again, under the same address, its pid in the file", async (t) => {
    const [gateway, worker] = [first.gateways[1]!, first.workers[0]!];
    for (const { pid } of [gateway, worker]) process.kill(pid, "SIGKILL");
    await waitFor("new pids in the file", () => {
      const now = local.ready();
      return now.gateways[1]!.pid !== gateway.pid && now.workers[0]!.pid !== worker.pid;
    });
    await waitFor("the new gateway's id", () => local.ready().gateways[1]!.id !== gateway.id);
    t.equal(local.ready().gateways[1]!.ws, gateway.ws);
    await waitFor("it to be ready", async () => {
      const answer = await fetch(`${gateway.http}/readyz`).catch(() => null);
      return answer?.status === 200;
    });
    const client = await logIn(gateway.ws, { client_id: randomUUID() });
    t.ok((await client.ask("user.update", { profile: { again: true } })).ok);
    client.end();
  });

  t.test("stores that die are started again where that was asked for", async (t) => {
    const client = await logIn(first.gateways[0]!.ws, { client_id: randomUUID() });
    for (const pid of [first.redis_pid, first.postgres_pid]) process.kill(pid, "SIGKILL");
    await waitFor("new pids in the file", () => {
      const now = local.ready();
      return now.redis_pid !== first.redis_pid && now.postgres_pid !== first.postgres_pid;
    });
    await waitFor(
      "updates to work again",
      async () => (await client.ask("user.update", { profile: { n: 1 } })).ok,
    );
    t.pass("over the same connection");
    client.end();
  });

  t.test("SIGTERM ends all of it", async (t) => {
    const pids = pidsOf(local.ready());
    local.process.kill("SIGTERM");
    t.equal(await local.ended, 0);
    t.notOk(pids.some(isAlive));
    t.notOk(existsSync(local.readyFile));
    t.strictSame(
      readdirSync(temporary).filter((name) => name.startsWith("foyer-")),
      [],
    );
  });
});

t.test("a cluster whose data last", async (t) => {
  const data = join(temporaryFolder(t), "data");

  t.test(
    "keeps accounts and keys from one start to the next, also after kill -9, which leaves nothing",
    async (t) => {
      const local = start(t, ["--data", data, "--gateways", "1", "--workers", "1"]);
      const ready = await untilServing(local);
      await waitFor("the screen", () => local.written.stdout.includes("Ctrl-C ends it."));
      const token = local.written.stdout.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)![0];
      const client = await connectClient(`${ready.gateways[0]!.ws}/ws/world/sample`);
      const { "user.config": user } = await client.logIn({ token });
      t.ok((await client.ask("user.update", { profile: { display_name: "Kept" } })).ok);

      const second = start(t, ["--data", data]);
      t.equal(await second.ended, 1);
      t.match(second.written.stderr, /already runs on .*data \(process \d+\)/);
      t.ok((await client.ask("user.fetch", { id: user.id })).ok, "the first goes on");
      client.end();

      local.process.kill("SIGKILL");
      await untilGone(pidsOf(ready));
      await waitFor("the ready file to go", () => !existsSync(local.readyFile));
      const again = await untilServing(start(t, ["--data", data, "--gateways", "1", "--workers", "1"]));
      const back = await connectClient(`${again.gateways[0]!.ws}/ws/world/sample`);
      const { "user.config": kept } = await back.logIn({ token });
      t.match(kept, { id: user.id, profile: { display_name: "Kept" } });
      back.end();
    },
  );
});

t.test("under npm it ends when npm is killed, which hands no signal on", async (t) => {
  const local = start(t, ["--data", "", "--gateways", "1", "--workers", "1"], {}, "npm");
  const ready = await untilServing(local);
  local.process.kill("SIGKILL");
  await untilGone(pidsOf(ready));
  await waitFor("the ready file to go", () => !existsSync(local.readyFile));
  t.pass("nothing is left");
});

t.test("a port that was asked for and is taken is named", async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const local = start(t, ["--data", "", "--gateways", "1", "--port", String(port)]);
  t.equal(await local.ended, 1);
  t.match(local.written.stderr, `port ${port} is taken`);
});
