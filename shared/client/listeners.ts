/** Who listens to what, by name; one that throws keeps nobody else from hearing. */

/** The listeners of one client, for events with these names and values. */
export class Listeners<Events extends object> {
  readonly #byName = new Map<keyof Events, Set<(value: never) => void>>();

  /** @returns what takes the listener off again */
  add<K extends keyof Events>(name: K, listener: (value: Events[K]) => void): () => void {
    const those = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, those.add(listener));
    return () => void those.delete(listener);
  }

  tell<K extends keyof Events>(name: K, value: Events[K]): void {
    for (const listener of [...(this.#byName.get(name) ?? [])]) {
      try {
        (listener as (value: Events[K]) => void)(value);
      } catch (error) {
        // The caller's own fault: it shows as uncaught, and the client goes on.
        setTimeout(() => {
          throw error;
        });
      }
    }
  }
}
