/**
 * Accounts as this worker last read them. A row from here counts only where Postgres has just been asked whether it
 * still holds: what is saved is fetching and parsing it once more, never the question. Where nothing at all has been
 * committed since these accounts were looked at, which its snapshot tells, they need not be looked at one by one.
 */
import type { Sql } from "./sql/database.ts";
import { selectMoment } from "./sql/server-state.ts";
import { type KnownUser, selectUsersAnew, type UserRow } from "./sql/users.ts";

/** A sixteenth of what a worker has (`k8s/base/core.yaml`). */
const MAX_BYTES = 64 * 1024 * 1024;

/** What a row takes besides its texts, and each of its traits and roles besides its own, roughly. */
const ROW_BYTES = 1_000;
const TEXT_BYTES = 40;

interface Entry {
  world: string;
  known: KnownUser;
  /** Whether it was asked for since room was last looked for. */
  isUsed: boolean;
}

export class AccountCache {
  readonly #maxBytes: number;
  /** By id; of two worlds that have the same one, that of the world that asked last. What nobody asks for comes first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  /** When accounts were last looked at one by one. */
  #moment = "";
  /** Whether nothing was committed between the last two looks: then it pays to ask that first. */
  #isQuiet = false;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Reads accounts as they are now.
   *
   * @param wanted by id, UUIDs in lower case; each gets its row, or undefined where there is no such account
   */
  async read(sql: Sql, world: string, wanted: Map<string, UserRow | undefined>): Promise<void> {
    if (wanted.size === 0) return;
    const known = new Map<string, KnownUser | null>();
    const last = this.#moment;
    let isAsked = this.#isQuiet;
    for (const id of wanted.keys()) {
      const entry = this.get(world, id) ?? null;
      known.set(id, entry);
      isAsked &&= entry !== null && entry.moment === last;
    }
    // Others read meanwhile: what they find says nothing about these.
    if (!isAsked || (await selectMoment(sql)) !== last) await this.#look(sql, world, known);
    for (const [id, user] of known) wanted.set(id, user?.row);
  }

  /** Looks at each of them, and puts those that are not as they were in their place. */
  async #look(sql: Sql, world: string, known: Map<string, KnownUser | null>): Promise<void> {
    const { moment, anew } = await selectUsersAnew(sql, world, known);
    for (const { id, known: user } of anew) known.set(id, user);
    for (const [id, user] of known) {
      if (user === null) this.delete(world, id);
      else user.moment = moment;
    }
    for (const { known: user } of anew) if (user !== null) this.set(world, user);
    this.#isQuiet = moment === this.#moment;
    this.#moment = moment;
  }

  /** An account as it was last read. */
  get(world: string, id: string): KnownUser | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.world !== world) return undefined;
    entry.isUsed = true;
    return entry.known;
  }

  /** Keeps a row, and forgets those that nobody has asked for for a while where there is no room. */
  set(world: string, known: KnownUser): void {
    const { id } = known.row;
    const bytes = bytesOf(known);
    this.#forget(id);
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes + bytes <= this.#maxBytes) break;
      const isKept = entry.isUsed;
      entry.isUsed = false;
      this.#forget(oldest);
      if (!isKept) continue;
      // It had its turn, and comes last.
      this.#entries.set(oldest, entry);
      this.#bytes += bytesOf(entry.known);
    }
    this.#entries.set(id, { world, known, isUsed: false });
    this.#bytes += bytes;
  }

  delete(world: string, id: string): void {
    if (this.#entries.get(id)?.world === world) this.#forget(id);
  }

  #forget(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#bytes -= bytesOf(entry.known);
  }

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }
}

/** Of all that a client or a token can make as long as it likes. */
function bytesOf({ row }: KnownUser): number {
  const texts = [...row.traits, ...row.world_roles, ...row.room_roles.flat()];
  const sum = texts.reduce((bytes, text) => bytes + TEXT_BYTES + text.length, 0);
  return ROW_BYTES + row.profile.length + row.client_state.length + sum;
}
