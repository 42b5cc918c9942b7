/** Postgres servers of a test's own, which it may kill, copy and promote, behind an address that leads where it says. */
import {
  appendFileSync,
  chownSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import postgres from "postgres";
import type { Test } from "tap";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { startGuardian } from "../local/guardian.ts";
import { startPostgres } from "../local/postgres.ts";

/** One server. */
export interface OwnPostgres {
  dir: string;
  url: string;
  /** Ends it without a chance to tidy up, and waits until all of its processes are gone. */
  kill(): Promise<void>;
  /** Starts it again on its port. */
  restart(): Promise<void>;
  /** Runs a statement on it. */
  run(statement: string): Promise<postgres.RowList<postgres.Row[]>>;
}

/** Makes servers that end with the test. */
export async function ownPostgres(t: Test) {
  const guardian = await startGuardian();
  t.teardown(() => guardian.close());
  const folder = mkdtempSync(join(tmpdir(), "foyer-own-postgres-"));
  guardian.removeAtEnd(folder);
  let made = 0;

  const open = async (dir: string): Promise<OwnPostgres> => {
    const options = { dir, guardian, progress: () => {}, durable: false };
    let server = await startPostgres(options);
    const { url } = server;
    t.teardown(() => server.stop());
    return {
      dir,
      url,
      async kill() {
        process.kill(server.pid, "SIGKILL");
        await waitFor("its processes to end", () => processesOf(dir).length === 0);
      },
      async restart() {
        server = await startPostgres({ ...options, port: Number(new URL(url).port) });
      },
      run: (statement) => runOn(url, statement),
    };
  };

  return {
    start: () => open(join(folder, `postgres-${++made}`)),

    /** A streaming standby, without the program that is made for it: the npm package lacks it. */
    async startStandby(primary: OwnPostgres): Promise<OwnPostgres> {
      const dir = join(folder, `postgres-${++made}`);
      appendFileSync(join(primary.dir, "pg_hba.conf"), "host replication all 127.0.0.1/32 trust\n");
      await primary.run("alter system set wal_keep_size = '256MB'");
      await primary.run("select pg_reload_conf()");
      await copyRunning(primary, dir);
      const { hostname, port, username } = new URL(primary.url);
      const follow = [
        `primary_conninfo = 'host=${hostname} port=${port} user=${username}'`,
        // Not the primary's: once promoted it would wait for a standby of its own.
        "synchronous_standby_names = ''",
        "default_transaction_read_only = off",
      ];
      appendFileSync(join(dir, "postgresql.auto.conf"), `${follow.join("\n")}\n`);
      writeFileSync(join(dir, "standby.signal"), "");
      own(dir, statSync(primary.dir));
      const standby = await open(dir);
      await primary.run("alter system set synchronous_standby_names = '*'");
      await primary.run("alter system set synchronous_commit = 'remote_apply'");
      await primary.run("select pg_reload_conf()");
      await waitFor("the standby to follow", async () => {
        const [row] = await primary.run("select sync_state from pg_stat_replication");
        return row?.sync_state === "sync";
      });
      return standby;
    },
  };
}

/** Statements one after another, over a connection that ends after. */
async function runOn(url: string, statement: string) {
  const sql = postgres(url, { max: 1, onnotice() {} });
  try {
    return await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

/** Copies a running server's data as its backup functions want it: between start and stop, over one connection. */
async function copyRunning(primary: OwnPostgres, dir: string): Promise<void> {
  const sql = postgres(primary.url, { max: 1, onnotice() {} });
  try {
    await sql`select pg_backup_start('standby', true)`;
    cpSync(primary.dir, dir, {
      recursive: true,
      // The log comes by streaming; what is only the running server's stays there.
      filter: (source) =>
        !(
          ["pg_wal", "pg_replslot", "pg_stat_tmp"].includes(basename(dirname(source))) &&
          statSync(source).isFile()
        ) && !["postmaster.pid", "postmaster.opts"].includes(basename(source)),
    });
    const [stopped] = await sql`select labelfile from pg_backup_stop(false)`;
    writeFileSync(join(dir, "backup_label"), stopped!.labelfile);
  } finally {
    await sql.end();
  }
}

function own(path: string, { uid, gid }: { uid: number; gid: number }): void {
  chownSync(path, uid, gid);
  if (!statSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) own(join(path, name), { uid, gid });
}

/** Pids of all processes that work in a data folder. */
function processesOf(dir: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === dir;
    } catch {
      // It ended meanwhile, or is another user's.
      return false;
    }
  });
}

/** An address that leads to one server now and to another later. */
export interface Address {
  url: string;
  /** New links lead there; those that stand stay, and lead where they led. */
  leadTo(url: string): void;
  /** Links that stand pass nothing on any more, and nobody is told; new ones are whole. */
  strand(): void;
}

/** Opens one; it ends with the test. */
export async function openAddress(t: Test, first: string): Promise<Address> {
  let target = new URL(first);
  const links = new Set<{ near: Socket; far: Socket; stranded: boolean }>();
  const server = createServer((near) => {
    const far = dial(Number(target.port), target.hostname);
    const link = { near, far, stranded: false };
    links.add(link);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (data) => link.stranded || to.write(data));
      from.on("error", () => from.destroy());
      from.on("close", () => {
        if (!link.stranded) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    for (const { near, far } of links) for (const end of [near, far]) end.destroy();
    server.close();
  });
  const url = new URL(first);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    leadTo(next) {
      target = new URL(next);
    },
    strand() {
      for (const link of links) link.stranded = true;
    },
  };
}
