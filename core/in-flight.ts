/** How many commands a worker runs at once: beyond that it reads no more, and the stream holds the rest. */
const MAX_COMMANDS = 2_000;

/** Counts the commands under way. */
export class InFlight {
  #commands = 0;
  readonly #waiting: (() => void)[] = [];

  /** Resolves when there is room for more. */
  async room(): Promise<void> {
    while (this.#commands >= MAX_COMMANDS) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Counts `commands` while `run` runs. */
  async track(commands: number, run: () => Promise<void>): Promise<void> {
    this.#commands += commands;
    try {
      await run();
    } finally {
      this.#commands -= commands;
      if (this.#commands < MAX_COMMANDS) for (const wake of this.#waiting.splice(0)) wake();
    }
  }
}
