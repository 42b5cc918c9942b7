/**
 * Accounts as this worker last read them. A row from here counts only where the statement that a batch reads with has
 * found it in Postgres as it was then (`selectUsersAnew`): what is saved is fetching and parsing it once more, never
 * the question whether it still holds.
 */
import type { KnownUser } from "./sql/users.ts";

/** A sixteenth of what a worker has (`k8s/base/core.yaml`). */
const MAX_BYTES = 64 * 1024 * 1024;

/** What a row takes besides its texts, and each of its traits and roles besides its own, roughly. */
const ROW_BYTES = 1_000;
const TEXT_BYTES = 40;

export class AccountCache {
  readonly #maxBytes: number;
  /** By world and id, the one that was asked for longest ago first. */
  readonly #known = new Map<string, KnownUser>();
  #bytes = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get(world: string, id: string): KnownUser | undefined {
    const key = `${world}/${id}`;
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    this.#known.delete(key);
    this.#known.set(key, known);
    return known;
  }

  /** Keeps a row, and forgets those that nobody has asked for as long as there is no room. */
  set(world: string, known: KnownUser): void {
    this.delete(world, known.row.id);
    this.#known.set(`${world}/${known.row.id}`, known);
    this.#bytes += bytesOf(known);
    for (const [key, oldest] of this.#known) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#known.delete(key);
      this.#bytes -= bytesOf(oldest);
    }
  }

  delete(world: string, id: string): void {
    const key = `${world}/${id}`;
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#known.delete(key);
    this.#bytes -= bytesOf(known);
  }

  /** How many there are. */
  get size(): number {
    return this.#known.size;
  }
}

/** Of all that a client or a token can make as long as it likes. */
function bytesOf({ row }: KnownUser): number {
  const texts = [...row.traits, ...row.world_roles, ...row.room_roles.flat()];
  const sum = texts.reduce((bytes, text) => bytes + TEXT_BYTES + text.length, 0);
  return ROW_BYTES + row.profile.length + row.client_state.length + sum;
}
