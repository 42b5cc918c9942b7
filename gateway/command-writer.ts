/**
 * The commands of a few ms → one entry of each stream. A command is written until it is certain that it is in the
 * stream; writing it twice is harmless, since its id stays the same (docs/architecture.md). Nothing is written to a Redis
 * whose streams no worker has checked yet.
 */
import { backoffMs, pause } from "../shared/backoff.ts";
import { type Command, encodeCommands } from "../shared/envelope.ts";
import type { Logger } from "../shared/log.ts";
import { GATHER_MS, Pace } from "../shared/pace.ts";
import type { RedisClient } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";
import type { PendingCommand, PendingCommands } from "./pending-commands.ts";
import { ServerClock } from "./server-clock.ts";

interface CommandWriterOptions {
  /** For each stream the link to the server that holds it; where there is one server, the same for all. */
  links: readonly RedisClient[];
  keys: Keys;
  gateway: string;
  /** `FOYER_MAX_BACKLOG` */
  maxBacklog: number;
  pending: PendingCommands;
  /** Whether clients' commands may pass (`lease.ts`); the gateway's own always may. */
  mayPass(): boolean;
  /** The version of envelopes that all workers read. */
  version(): number;
  log: Logger;
  signal: AbortSignal;
}

/** Commands of one entry: few enough that workers share a rush, and that a small backlog limit can be met. */
const MAX_COMMANDS = 500;
const MAX_CHARACTERS = 512 * 1024;

/** Pause before a write that failed is tried again; a worker makes a lost stream anew in less. */
const RETRY_MS = 50;

/**
 * So long an entry may be on its way: what comes later is refused by Redis, and written once more without the commands of
 * clients that have left meanwhile. They may have sent something newer over another gateway, which what a slow link
 * still carried would overwrite. Twice as long after each that came too late, so that a slow Redis gets them at last.
 */
const ON_ITS_WAY_MS = 500;
const MOST_DOUBLINGS = 4;

/** One stream's end on this gateway. */
interface Outlet {
  queue: PendingCommand[];
  /** Entries whose writing is not confirmed. Meanwhile commands gather, so that a busy Redis gets fewer, larger ones. */
  writing: number;
  /** The run id of the Redis on which a worker has checked this stream; null while that is not known. */
  checkedOn: string | null;
  /** The last one that was: another means that the stream may have come back without its entries. */
  lastCheckedOn: string | null;
  checking: boolean;
  /** Of the server that holds the stream. */
  clock: ServerClock;
  /** Entries that came there too late, since one did not. */
  late: number;
}

export class CommandWriter {
  readonly #options: CommandWriterOptions;
  readonly #maxCommands: number;
  readonly #outlets: Outlet[];
  readonly #pace = new Pace(GATHER_MS);
  #scheduled = false;

  constructor(options: CommandWriterOptions) {
    this.#options = options;
    const { maxBacklog, links } = options;
    this.#maxCommands =
      maxBacklog === 0 ? MAX_COMMANDS : Math.min(MAX_COMMANDS, Math.max(1, Math.floor(maxBacklog / 10)));
    this.#outlets = links.map(() => ({
      queue: [],
      writing: 0,
      checkedOn: null,
      lastCheckedOn: null,
      checking: false,
      clock: new ServerClock(),
      late: 0,
    }));
    for (const link of new Set(links)) {
      link.on("close", () => {
        this.#outlets.forEach((outlet, stream) => {
          if (links[stream] === link) outlet.checkedOn = null;
        });
      });
      link.on("ready", () => this.#checkAll(link));
      if (link.status === "ready") this.#checkAll(link);
    }
  }

  /** The streams that commands cannot reach right now. */
  notReady(): number[] {
    return [...this.#outlets.keys()].filter((stream) => this.#outlets[stream]!.checkedOn === null);
  }

  /** Takes a command, to be written with the others of this turn of the event loop, or of the next few ms. */
  write(command: PendingCommand): void {
    this.#outlets[command.stream]!.queue.push(command);
    if (this.#scheduled) return;
    this.#scheduled = true;
    const waitMs = this.#pace.dueInMs();
    if (waitMs === 0) setImmediate(() => this.#writeAll());
    else setTimeout(() => this.#writeAll(), waitMs);
  }

  #writeAll(): void {
    this.#scheduled = false;
    this.#pace.turn();
    this.#outlets.forEach((outlet, stream) => {
      this.#flush(outlet, stream);
    });
  }

  /**
   * Writes once more all that is under way: an answer may have been lost on its way to here, with a server or
   * because others took this gateway for dead and threw it away. What was done is not done again.
   */
  writeAgain(): void {
    this.#outlets.forEach((outlet, stream) => {
      this.#queueAgain(outlet, stream);
      this.#flush(outlet, stream);
    });
  }

  /** Writes what had to wait until it might pass. */
  resume(): void {
    this.#outlets.forEach((outlet, stream) => {
      this.#flush(outlet, stream);
    });
  }

  #checkAll(link: RedisClient): void {
    this.#outlets.forEach((outlet, stream) => {
      if (this.#options.links[stream] === link) void this.#check(outlet, stream);
    });
  }

  /** Asks until a worker has checked the stream on the Redis that is there now. */
  async #check(outlet: Outlet, stream: number): Promise<void> {
    if (outlet.checking) return;
    outlet.checking = true;
    const { links, keys, log, signal } = this.#options;
    for (let attempt = 0; outlet.checkedOn === null && !signal.aborted; attempt++) {
      const askedAt = performance.now();
      try {
        const [run, checked, time] = (await runScript(
          links[stream]!,
          "check-stream",
          keys.streamChecked(stream),
        )) as [string, number, number];
        if (checked === 1) {
          outlet.clock.forget();
          outlet.clock.heard(time, askedAt);
          this.#checked(outlet, stream, run);
          break;
        }
        if (attempt === 5) log.warn({ stream }, "no worker has prepared the command stream yet");
      } catch {
        // The link is down again; the next "ready" or the next attempt finds out more.
      }
      await pause(backoffMs(attempt, 20, 500), signal);
    }
    outlet.checking = false;
  }

  #checked(outlet: Outlet, stream: number, run: string): void {
    const other = outlet.lastCheckedOn !== null && outlet.lastCheckedOn !== run;
    outlet.checkedOn = run;
    outlet.lastCheckedOn = run;
    // Redis was replaced: what was under way may be gone with the old one.
    if (other) this.#queueAgain(outlet, stream);
    this.#flush(outlet, stream);
  }

  /** Everything that is under way, once more. */
  #queueAgain(outlet: Outlet, stream: number): void {
    const queued = new Set(outlet.queue);
    for (const pending of this.#options.pending.all()) {
      if (pending.stream === stream && !queued.has(pending)) outlet.queue.push(pending);
    }
  }

  #flush(outlet: Outlet, stream: number): void {
    if (outlet.queue.length === 0 || outlet.writing > 0) return;
    const left = outlet.queue.filter(({ command }) => this.#options.pending.goes(command.n));
    outlet.queue = [];
    const waiting: PendingCommand[] = [];
    for (const command of left) {
      const isOwn = command.command.connection === 0;
      const goes = outlet.checkedOn !== null && (isOwn || this.#options.mayPass());
      (goes ? waiting : outlet.queue).push(command);
    }
    for (let from = 0; from < waiting.length; ) {
      const chunk = takeChunk(waiting, from, this.#maxCommands);
      from += chunk.length;
      outlet.writing++;
      void this.#add(outlet, stream, chunk).then(() => {
        outlet.writing--;
        this.#flush(outlet, stream);
      });
    }
  }

  async #add(outlet: Outlet, stream: number, chunk: PendingCommand[]): Promise<void> {
    const { links, keys, gateway, maxBacklog, pending, version, log } = this.#options;
    const wereSent = chunk.map(({ maybeSent }) => maybeSent);
    const now = performance.now();
    for (const command of chunk) {
      command.maybeSent = true;
      command.sentAt = Math.min(command.sentAt, now);
    }
    try {
      const commands = chunk.map(({ command }) => command);
      const bytes = encodeCommands({ gateway, sentAt: Date.now(), commands }, version());
      const { commandStream, backlog } = keys;
      const until = outlet.clock.at(now) + ON_ITS_WAY_MS * 2 ** Math.min(outlet.late, MOST_DOUBLINGS);
      const args = [bytes, chunk.length, maxBacklog, Math.ceil(until)];
      const link = links[stream]!;
      const result = await runScript(link, "add-entry", commandStream(stream), backlog(stream), ...args);
      if (Array.isArray(result)) {
        outlet.late = 0;
        outlet.clock.heard(result[1], now);
      } else if (result === "overloaded") {
        chunk.forEach(({ command }, i) => {
          pending.fail(command.n, wereSent[i] ? "server.timeout" : "server.overloaded");
        });
      } else {
        // It was held up on its way; or the stream is gone, and a worker makes it anew.
        if (result === "late") {
          outlet.late++;
          log.debug({ stream }, "commands were held up on their way");
        }
        chunk.forEach((command, i) => {
          command.maybeSent = wereSent[i]!;
        });
        this.#again(outlet, stream, chunk);
      }
    } catch {
      // The link went down before the answer came: whether they were added, nobody knows.
      this.#again(outlet, stream, chunk);
    }
  }

  #again(outlet: Outlet, stream: number, chunk: PendingCommand[]): void {
    outlet.queue.push(...chunk);
    outlet.checkedOn = null;
    void pause(RETRY_MS, this.#options.signal).then(() => this.#check(outlet, stream));
  }
}

function takeChunk(commands: readonly PendingCommand[], from: number, max: number): PendingCommand[] {
  let to = from;
  for (let characters = 0; to < commands.length && to - from < max && characters < MAX_CHARACTERS; to++) {
    characters += size(commands[to]!.command);
  }
  return commands.slice(from, to);
}

function size(command: Command): number {
  return command.frame.length + 100;
}
