/**
 * A client's commands, in the order in which they were called, which is the order in which they take effect, also
 * when one has to be sent again: whatever comes after a writing command waits for its answer.
 *
 * A command is waiting (to be sent), under way, or resting (before it is sent again).
 */
import { backoffMs } from "../backoff.ts";
import { type ClientCode, CommandError, commandError, retryAfterMs } from "./command-error.ts";

/** Limits of every command. */
export interface CommandLimits {
  /** From the call to its end, however often it is sent. */
  commandMs: number;
  /** How often it is sent at the most. */
  attempts: number;
  /** Whether one that was refused with `protocol.rate_limited` is sent once more, when the server says. */
  retryRateLimited: boolean;
}

interface Command {
  id: number;
  text: string;
  writes: boolean;
  state: "waiting" | "underWay" | "resting";
  attempts: number;
  wasRateLimited: boolean;
  /** Gives it up, or ends its rest. */
  timers: { deadline: Timer; rest?: Timer };
  resolve(result: unknown): void;
  reject(error: CommandError): void;
}

type Timer = ReturnType<typeof setTimeout>;
type Send = (text: string) => boolean;

/** A gateway queues so many of one connection gladly. */
const MAX_UNDER_WAY = 32;
const FIRST_REST_MS = 100;
const MAX_REST_MS = 2_000;

export class CommandQueue {
  readonly #limits: CommandLimits;
  /** By id, in the order of the calls. */
  readonly #commands = new Map<number, Command>();
  #lastId = 0;
  #send: Send | null = null;

  constructor(limits: CommandLimits) {
    this.#limits = limits;
  }

  /** @param writes whether later commands wait for this one, and it for earlier ones */
  call(name: string, body: unknown, writes: boolean): Promise<unknown> {
    const id = ++this.#lastId;
    // At once: what the caller does with the body afterwards is not meant.
    const text = JSON.stringify([name, id, body]);
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => this.#giveUp(command, "no answer in time"), this.#limits.commandMs);
      const command: Command = {
        id,
        text,
        writes,
        state: "waiting",
        attempts: 0,
        wasRateLimited: false,
        timers: { deadline },
        resolve,
        reject,
      };
      this.#commands.set(id, command);
      this.#advance();
    });
  }

  /** There is a connection that is logged in. */
  start(send: Send): void {
    this.#send = send;
    this.#advance();
  }

  /** The connection is lost. @param resend whether what was under way may be sent again */
  stop(resend: boolean): void {
    this.#send = null;
    for (const command of [...this.#commands.values()]) {
      if (command.state !== "underWay") continue;
      if (resend) this.#retry(command, 0);
      else this.#giveUp(command, "the connection was closed over it");
    }
  }

  /** A frame came that may be an answer. */
  heard(frame: unknown[]): void {
    const [action, id, body] = frame;
    if (action !== "success" && action !== "error") return;
    if (frame.length === 2) {
      const error = commandError(id);
      if (action === "error" && error.code === "server.fatal") this.#failOldest(error);
      return;
    }
    const command = this.#commands.get(id as number);
    if (command?.state !== "underWay") return;
    if (action === "success") {
      this.#remove(command);
      command.resolve(body);
    } else this.#refused(command, commandError(body));
    this.#advance();
  }

  /** All are over. */
  end(error: CommandError): void {
    this.#send = null;
    for (const command of [...this.#commands.values()]) {
      this.#remove(command);
      command.reject(error);
    }
  }

  #advance(): void {
    let ahead = 0;
    for (const command of this.#commands.values()) {
      if (this.#send === null || ahead >= MAX_UNDER_WAY || (command.writes && ahead > 0)) return;
      if (command.state === "waiting" && this.#send(command.text)) {
        command.state = "underWay";
        command.attempts++;
      }
      if (command.writes) return;
      ahead++;
    }
  }

  #refused(command: Command, error: CommandError): void {
    if (error.code === "server.timeout") {
      return this.#retry(command, backoffMs(command.attempts - 1, FIRST_REST_MS, MAX_REST_MS));
    }
    if (error.code === "protocol.rate_limited" && this.#limits.retryRateLimited && !command.wasRateLimited) {
      command.wasRateLimited = true;
      return this.#retry(command, Math.max(1, retryAfterMs(error)));
    }
    this.#remove(command);
    command.reject(error);
  }

  /** @param restMs until it may be sent; 0: with the next connection */
  #retry(command: Command, restMs: number): void {
    if (command.attempts >= this.#limits.attempts) {
      return this.#giveUp(command, `no answer to ${command.attempts} attempts`);
    }
    command.state = restMs === 0 ? "waiting" : "resting";
    if (restMs === 0) return;
    command.timers.rest = setTimeout(() => {
      command.state = "waiting";
      this.#advance();
    }, restMs);
  }

  /** The server met a bug, and says so without an id: it was in the command whose turn it was. */
  #failOldest(error: CommandError): void {
    for (const command of this.#commands.values()) {
      if (command.state !== "underWay") continue;
      this.#remove(command);
      return command.reject(error);
    }
  }

  #giveUp(command: Command, why: string): void {
    this.#remove(command);
    const code: ClientCode = "client.timeout";
    command.reject(new CommandError(code, `${why}: it may have taken effect or not`));
    this.#advance();
  }

  #remove(command: Command): void {
    clearTimeout(command.timers.deadline);
    clearTimeout(command.timers.rest);
    this.#commands.delete(command.id);
  }
}
