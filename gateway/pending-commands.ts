/** Commands on their way, by number, until they are answered or their time is over. Every one ends once. */
import type { Command, Reply } from "../shared/envelope.ts";

/** Why a command got no answer. */
export type Failure = "server.timeout" | "server.overloaded";

/** A command on its way. */
export interface PendingCommand {
  command: Command;
  stream: number;
  /** By `performance.now()`. */
  deadline: number;
  /** Whether it may have reached the stream: then nobody can say that nothing was done. */
  maybeSent: boolean;
  /** When it was first written, by `performance.now()`; infinite before. */
  sentAt: number;
  /** Its connection is closed: it is written no more, also where it is not certain that it ever was. */
  isAbandoned?: boolean;
  answered(reply: Reply): void;
  failed(failure: Failure): void;
}

/** How long the answer to a login that was given up is still looked out for. */
const LATE_MS = 60_000;

/** Longest from one part of a big answer to the next; whoever sends them on gives up before. */
const PART_MS = 30_000;

export class PendingCommands {
  readonly #pending = new Map<number, PendingCommand>();
  readonly #late = new Map<number, { command: Command; until: number }>();
  #last = 0;
  #answered = 0;

  /** A number that no command of this process has had. */
  nextNumber(): number {
    return ++this.#last;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** How many were answered by workers so far. */
  get answered(): number {
    return this.#answered;
  }

  add(pending: PendingCommand): void {
    this.#pending.set(pending.command.n, pending);
  }

  /** Whether a command is still to be written. One whose connection is closed ends here, since it is not. */
  goes(n: number): boolean {
    const pending = this.#pending.get(n);
    if (pending?.isAbandoned !== true) return pending !== undefined;
    this.#pending.delete(n);
    if (pending.maybeSent) this.#lookOutFor(pending.command);
    return false;
  }

  all(): IterableIterator<PendingCommand> {
    return this.#pending.values();
  }

  /** Ends a command of which nobody wants to know any more. */
  forget(n: number): void {
    this.#pending.delete(n);
  }

  /**
   * Its connection is closed. The client may have sent something newer over another one since: what is not in the
   * stream by now would come after that, and overwrite it.
   */
  abandon(n: number): void {
    const pending = this.#pending.get(n);
    if (pending !== undefined) pending.isAbandoned = true;
  }

  /** Ends a command by its answer, unless that is only a part. @returns the login that had been given up, when the answer is to one */
  answer(reply: Reply): Command | undefined {
    const pending = this.#pending.get(reply.n);
    if (pending === undefined) {
      const late = this.#late.get(reply.n);
      this.#late.delete(reply.n);
      return late?.command;
    }
    if (reply.part?.last === false) pending.deadline = performance.now() + PART_MS;
    else this.#pending.delete(reply.n);
    this.#answered++;
    pending.answered(reply);
    return undefined;
  }

  /** Drops what is under way for a connection that is cut off: what is not written yet never will be. */
  forgetAll(connection: number): void {
    for (const [n, { command }] of this.#pending) {
      if (command.connection === connection) this.#pending.delete(n);
    }
  }

  /** Ends a command without an answer. */
  fail(n: number, failure: Failure): void {
    const pending = this.#pending.get(n);
    if (pending === undefined) return;
    this.#pending.delete(n);
    this.#lookOutFor(pending.command);
    pending.failed(failure);
  }

  #lookOutFor(command: Command): void {
    const isLogin = command.connection !== 0 && command.user === null;
    if (isLogin) this.#late.set(command.n, { command, until: performance.now() + LATE_MS });
  }

  /** Ends all whose time is over. @param now by `performance.now()` */
  sweep(now: number): void {
    for (const { command, deadline } of this.#pending.values()) {
      if (deadline <= now) this.fail(command.n, "server.timeout");
    }
    for (const [n, { until }] of this.#late) {
      if (until > now) break;
      this.#late.delete(n);
    }
  }
}
