/** What our Postgres and our Redis have in common: a server process on a free loopback port, with a log file. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Guardian } from "./guardian.ts";
import { freePort } from "./ports.ts";

/** A store that we started. */
export interface StoreServer {
  url: string;
  pid: number;
  /** Stops it in order; SIGKILL if it takes too long. */
  stop(): Promise<void>;
}

/** What starting a store needs, whichever it is. */
export interface StoreOptions {
  /** Its data; made if it is not there. The log is `<dir>.log`. */
  dir: string;
  guardian: Guardian;
  /** Hears what takes longer than a second. */
  progress: (text: string) => void;
  /** Whether the data must survive a power failure; without it the server is much faster. */
  durable: boolean;
  /** Of a server that is started again: clients know it by its port. */
  port?: number;
  /** Called when it ends without having been stopped. */
  onExit?: (error: Error) => void;
}

/** One kind of server. */
export interface ServerKind {
  /** For messages. */
  name: string;
  stopSignal: NodeJS.Signals;
  stopWithinMs: number;
  readyWithinMs: number;
  /** In its log when another process has the port. */
  portTaken: RegExp;
  url: (port: number) => string;
  command: (port: number) => { file: string; args: string[]; spawn?: SpawnOptions };
  /** Throws until the server, the one with this pid, can be used. */
  probe: (port: number, pid: number) => Promise<void>;
}

const PROBE_EVERY_MS = 40;
const PORT_ATTEMPTS = 5;
const LAST_LINES = 8;

class PortTakenError extends Error {}

/** Starts a server and waits until it can be used; with a port of its choice unless one is given. */
export async function startServer(kind: ServerKind, options: StoreOptions): Promise<StoreServer> {
  mkdirSync(dirname(options.dir), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOn(options.port ?? (await freePort()), kind, options);
    } catch (error) {
      // Somebody took the port after we had found it free.
      const again = error instanceof PortTakenError && options.port === undefined && attempt < PORT_ATTEMPTS;
      if (!again) throw error;
    }
  }
}

async function startOn(port: number, kind: ServerKind, options: StoreOptions): Promise<StoreServer> {
  const { guardian } = options;
  const log = `${options.dir}.log`;
  const logStart = sizeOf(log);
  const { file, args, spawn: spawnOptions } = kind.command(port);
  const child = spawnLogged(file, args, log, spawnOptions);
  await once(child, "spawn").catch((error: Error) => {
    throw new Error(`${kind.name} could not be run (${file}): ${error.message}`);
  });
  const pid = child.pid as number;
  guardian.watch(pid, kind.stopSignal);
  let phase: "starting" | "running" | "stopping" = "starting";

  function ended(what: string): Error {
    const how = child.signalCode ?? `status ${child.exitCode}`;
    return new Error(`${kind.name} (pid ${pid}) ${what}: ${how}.${lastLines(log, logStart)}`);
  }

  child.once("exit", () => {
    guardian.unwatch(pid);
    if (phase === "running") options.onExit?.(ended("ended unexpectedly"));
  });

  async function stop(): Promise<void> {
    phase = "stopping";
    await stopProcess(child, kind);
  }

  const deadline = Date.now() + kind.readyWithinMs;
  for (;;) {
    const problem = await kind.probe(port, pid).then(
      () => null,
      (error: Error) => error,
    );
    if (hasEnded(child)) {
      const error = ended("did not start");
      throw kind.portTaken.test(readFrom(log, logStart)) ? new PortTakenError(error.message) : error;
    }
    if (problem === null) break;
    if (Date.now() > deadline) {
      await stop();
      const seconds = Math.round(kind.readyWithinMs / 1000);
      throw new Error(
        `${kind.name} was not ready after ${seconds} s (${problem.message}).${lastLines(log, logStart)}`,
      );
    }
    await pause(PROBE_EVERY_MS);
  }
  phase = "running";
  return { url: kind.url(port), pid, stop };
}

/** Runs a program that writes to a log file, in its own session so that a Ctrl-C in the terminal is only for us. */
export function spawnLogged(file: string, args: string[], log: string, options?: SpawnOptions): ChildProcess {
  const out = openSync(log, "a");
  try {
    return spawn(file, args, { ...options, detached: true, stdio: ["ignore", out, out] });
  } finally {
    closeSync(out);
  }
}

async function stopProcess(child: ChildProcess, kind: ServerKind): Promise<void> {
  if (hasEnded(child)) return;
  const exit = once(child, "exit");
  child.kill(kind.stopSignal);
  const timer = setTimeout(() => child.kill("SIGKILL"), kind.stopWithinMs);
  await exit;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Where a log ends now: what comes after it is of the run that starts. */
export function sizeOf(log: string): number {
  return statSync(log, { throwIfNoEntry: false })?.size ?? 0;
}

/** The end of a log, as a part of a message. */
export function lastLines(log: string, start: number): string {
  const lines = readFrom(log, start).trimEnd().split("\n").slice(-LAST_LINES);
  return ` The end of its log, ${log}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

function readFrom(log: string, start: number): string {
  try {
    return readFileSync(log).subarray(start).toString();
  } catch {
    // Without a log there is nothing to add.
    return "";
  }
}
