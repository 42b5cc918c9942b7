/** Which of the commands that a line client has sent still wait for an answer. */

/** Ids that the server echoes; on any other it answers without one. */
const MAX_ID_CHARACTERS = 64;

export class UnansweredCommands {
  readonly #waiting = new Map<string, number>();
  #hasUnnamed = false;
  #wake: () => void = () => {};

  /** A frame goes out. One without an id cannot be told from others when its answer comes. */
  sent(frame: unknown[]): void {
    const id = frame.length === 3 ? idOf(frame[1]) : null;
    if (id === null) this.#hasUnnamed = true;
    else this.#waiting.set(id, (this.#waiting.get(id) ?? 0) + 1);
  }

  /** A frame came in. */
  heard(frame: unknown[]): void {
    const id = frame[0] === "success" || frame[0] === "error" ? idOf(frame[1]) : null;
    const count = id === null ? undefined : this.#waiting.get(id);
    if (id === null || count === undefined) return;
    if (count > 1) this.#waiting.set(id, count - 1);
    else this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#wake();
  }

  /**
   * Waits until every command with an id is answered, and a while longer if there were others.
   *
   * @returns how many are not answered
   */
  async settle({ answerMs, quietMs }: { answerMs: number; quietMs: number }): Promise<number> {
    if (this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, answerMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (this.#hasUnnamed) await new Promise((resolve) => setTimeout(resolve, quietMs));
    return [...this.#waiting.values()].reduce((sum, count) => sum + count, 0);
  }
}

function idOf(value: unknown): string | null {
  const isId = typeof value === "number" || (typeof value === "string" && value.length <= MAX_ID_CHARACTERS);
  return isId ? JSON.stringify(value) : null;
}
