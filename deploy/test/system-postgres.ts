/** A Postgres that the system has with all its programs: the npm package lacks those that dump and restore. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import type { Test } from "tap";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { freePort } from "../local/ports.ts";
import { postgresAccount } from "../local/postgres-account.ts";

const INSTALLED = "/usr/lib/postgresql";
const PROGRAMS = ["initdb", "postgres", "pg_dump", "pg_restore"];

/** The folder of the newest one's programs; null where none is complete. */
export function findSystemPostgres(): string | null {
  if (!existsSync(INSTALLED)) return null;
  const folders = readdirSync(INSTALLED)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(INSTALLED, version, "bin"));
  return folders.find((folder) => PROGRAMS.every((program) => existsSync(join(folder, program)))) ?? null;
}

/** Starts servers, and runs programs on them; all ends with the test. @param binaries from `findSystemPostgres` */
export function systemPostgres(t: Test, binaries: string) {
  const folder = mkdtempSync(join(tmpdir(), "foyer-system-postgres-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  let made = 0;
  const run = promisify(execFile);

  return {
    folder,

    /** Runs one of its programs to its end. @throws Error with what it wrote when it fails */
    async run(program: string, ...args: string[]): Promise<void> {
      await run(join(binaries, program), args);
    },

    /** A new server with an empty database. @returns its URL */
    async start(): Promise<string> {
      const dir = join(folder, `data-${++made}`);
      mkdirSync(dir, { mode: 0o700 });
      const account = postgresAccount(dir, binaries);
      account.own(dir);
      const make = ["-D", dir, "-U", "foyer", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
      const initdb = account.command(join(binaries, "initdb"), make);
      await run(initdb.file, initdb.args, { ...initdb.spawn, cwd: "/" });
      const port = await freePort();
      const settings = [
        `port=${port}`,
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "fsync=off",
      ];
      const serve = ["-D", dir, ...settings.flatMap((setting) => ["-c", setting])];
      const server = account.command(join(binaries, "postgres"), serve);
      const child = spawn(server.file, server.args, { ...server.spawn, cwd: "/", stdio: "ignore" });
      t.teardown(async () => {
        const gone = once(child, "exit");
        if (child.kill("SIGINT")) await gone;
      });
      const url = `postgres://foyer@127.0.0.1:${port}`;
      const sql = postgres(`${url}/postgres`, { max: 1, onnotice() {} });
      await waitFor("the server to take connections", () => sql`select 1`.then(Boolean, () => false), 30_000);
      await sql`create database foyer`;
      await sql.end();
      return `${url}/foyer`;
    },
  };
}
