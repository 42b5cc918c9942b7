/**
 * Users about whom workers have to be asked, gathered by world and asked for together; asked again until there is
 * an answer. One batch of a world is under way at a time, so that answers come in the order of the questions.
 */
import { backoffMs, pause } from "../shared/backoff.ts";
import type { Logger } from "../shared/log.ts";

/** Users of one question; workers take so many (`gateway-commands.ts`). */
const MAX_USERS = 500;

interface UserBatchesOptions {
  /** What is asked, for the log. */
  about: string;
  log: Logger;
  signal: AbortSignal;
  /** Asks and hands the answer on; a failure means asking again. */
  ask(world: string, users: string[]): Promise<void>;
}

/** Takes users to ask about. */
export class UserBatches {
  readonly #options: UserBatchesOptions;
  readonly #worlds = new Map<string, Set<string>>();

  constructor(options: UserBatchesOptions) {
    this.#options = options;
  }

  add(world: string, users: Iterable<string>): void {
    const waiting = this.#worlds.get(world);
    if (waiting !== undefined) {
      for (const user of users) waiting.add(user);
      return;
    }
    const first = new Set(users);
    if (first.size === 0) return;
    this.#worlds.set(world, first);
    // What this turn of the event loop brings goes with it.
    setImmediate(() => void this.#askAll(world, first));
  }

  async #askAll(world: string, waiting: Set<string>): Promise<void> {
    const { ask, log, about, signal } = this.#options;
    for (let failures = 0; waiting.size > 0 && !signal.aborted; ) {
      const users = [...waiting].slice(0, MAX_USERS);
      for (const user of users) waiting.delete(user);
      try {
        await ask(world, users);
        failures = 0;
      } catch (error) {
        for (const user of users) waiting.add(user);
        if (failures === 0) log.warn({ about, reason: (error as Error).message }, "asking workers failed");
        await pause(backoffMs(failures++, 200, 5_000), signal);
      }
    }
    this.#worlds.delete(world);
  }
}
