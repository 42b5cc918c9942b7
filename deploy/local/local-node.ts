/**
 * One gateway or worker of the local cluster: its process, started again whatever ended it. It logs into a file
 * of its own, so that it never waits for us, even when we are stopped.
 *
 * Modes: running (a process, or a restart on its way) → stopping → stopped.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { backoffMs } from "../../shared/backoff.ts";
import type { ReadyMessage } from "../../shared/node-process.ts";
import type { Guardian } from "./guardian.ts";

interface LocalNodeOptions {
  /** What people call it: `gateway-1`. */
  name: string;
  /** The file of the command line, and the command to run. */
  program: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  logFile: string;
  guardian: Guardian;
  /** The process, or what it says of itself, is another. */
  onChange(): void;
  onExit(reason: string, restartInMs: number): void;
}

/** Pauses grow only while it ends before it serves: one that served is started again at once. */
const FIRST_RESTART_MS = 50;
const MAX_RESTART_MS = 5_000;

export class LocalNode {
  readonly #options: LocalNodeOptions;
  #environment: Record<string, string | undefined>;
  #child: ChildProcess | null = null;
  #exited: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | null = null;
  #failures = 0;
  #stopping = false;
  #restarting = false;
  #ready: ReadyMessage | null = null;
  #waiting: { resolve(): void; reject(error: Error): void } | null = null;

  constructor(options: LocalNodeOptions) {
    this.#options = options;
    this.#environment = { ...options.environment };
  }

  get name(): string {
    return this.#options.name;
  }

  /** The pid of its process, 0 while there is none. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** What it last said of itself. @throws Error before `start` has resolved */
  get ready(): ReadyMessage {
    if (this.#ready === null) throw new Error(`${this.name} has not been ready yet`);
    return this.#ready;
  }

  /** Starts it; resolves when it serves. @throws Error when it ends before */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#spawn();
    });
  }

  /** Ends the process and starts it anew. */
  restart(): void {
    if (this.#stopping || this.#child === null) return;
    this.#restarting = true;
    this.#end(this.#child, true);
  }

  /**
   * Ends it for good: SIGTERM, again at once where it need not take its time, SIGKILL after `deadlineMs`.
   *
   * @param hasten a second SIGTERM cuts a gateway's drain short
   */
  async stop({ hasten, deadlineMs }: { hasten: boolean; deadlineMs: number }): Promise<void> {
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const child = this.#child;
    if (child === null) return;
    this.#end(child, hasten);
    const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends it at once. */
  kill(): void {
    this.#stopping = true;
    this.#child?.kill("SIGKILL");
  }

  /** The last lines of its log, for an error message. */
  logTail(): string {
    return readFileSync(this.#options.logFile, "utf8").trimEnd().split("\n").slice(-5).join("\n");
  }

  #end(child: ChildProcess, hasten: boolean): void {
    child.kill("SIGTERM");
    if (hasten && this.#ready?.role === "gateway") setTimeout(() => child.kill("SIGTERM"), 50).unref();
  }

  #spawn(): void {
    const { program, logFile, guardian, onChange } = this.#options;
    const log = openSync(logFile, "a");
    const child = spawn(process.execPath, program, {
      env: this.#environment,
      stdio: ["ignore", log, log, "ipc"],
      // A Ctrl-C in the terminal is ours to act on, in the right order.
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    let hasServed = false;
    if (child.pid !== undefined) guardian.watch(child.pid, "SIGTERM");
    child.on("message", (message: ReadyMessage) => {
      if (message.type !== "ready") return;
      this.#ready = message;
      hasServed = true;
      // Clients come back to the address they know.
      if (message.port !== undefined)
        this.#environment = { ...this.#environment, FOYER_PORT: String(message.port) };
      this.#waiting?.resolve();
      this.#waiting = null;
      onChange();
    });
    this.#exited = new Promise((resolve) => {
      const ended = (reason: string) => {
        if (child.pid !== undefined) guardian.unwatch(child.pid);
        this.#child = null;
        resolve();
        if (!this.#stopping) this.#ended(reason, hasServed);
      };
      child.once("error", (error) => ended(error.message));
      child.once("exit", (code, signal) => ended(signal ?? `exit status ${code}`));
    });
    onChange();
  }

  #ended(reason: string, hasServed: boolean): void {
    if (this.#waiting !== null) {
      this.#waiting.reject(
        new Error(`${this.name} ended with ${reason} before it was ready:\n${this.logTail()}`),
      );
      this.#waiting = null;
      return;
    }
    this.#failures = this.#restarting || hasServed ? 0 : this.#failures + 1;
    this.#restarting = false;
    const wait = backoffMs(this.#failures, FIRST_RESTART_MS, MAX_RESTART_MS);
    this.#options.onExit(reason, wait);
    this.#restart = setTimeout(() => this.#spawn(), wait);
  }
}
