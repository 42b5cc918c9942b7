/**
 * Search entries in memory, of the worlds that are being searched (docs/search.md). Postgres alone knows what is
 * true: before each search the worker reads there what has changed since it last did.
 */
import { nextTurn, pause } from "../shared/backoff.ts";
import type { Logger } from "../shared/log.ts";
import { SearchIndex } from "./search-index.ts";
import type { Sql } from "./sql/database.ts";
import {
  type SearchEntry,
  type SearchMoment,
  selectSearchChanges,
  selectSearchEntries,
  selectSearchMoment,
} from "./sql/search-entries.ts";

interface SearchedWorldsOptions {
  sql: Sql;
  log: Logger;
  /** The worker stops: nothing is read any more in advance. */
  signal: AbortSignal;
  /** What all worlds together may take; what is larger is searched in Postgres. */
  maxBytes?: number;
}

/** Entries of one statement, which takes a few ms then. */
const AT_ONCE = 1_000;

/** A quarter of what a worker has (`k8s/base/core.yaml`): three worlds of 100,000 and more. */
const MAX_BYTES = 256 * 1024 * 1024;

/** A world that nobody has searched for so long is forgotten. */
const KEEP_MS = 10 * 60 * 1_000;

/** How long a search waits for its world to be read, which takes a second for 100,000 accounts; then Postgres finds the page. */
const WAIT_MS = 3_000;

/** Before all others. */
const FIRST_ID = "00000000-0000-0000-0000-000000000000";

/** How often changes are read in advance, so that not too many are left for the next search. */
const FOLLOW_MS = 1_000;

/** A world under way into memory, or there. */
interface Held {
  world: string;
  index: SearchIndex;
  /** What it knows; null until it has been read. */
  moment: SearchMoment | null;
  /** Resolves when it has been read, or could not be. */
  loaded: Promise<void>;
  usedAt: number;
  /** The reading of changes under way, and the one that begins after it. */
  running: Promise<void> | null;
  next: Promise<void> | null;
}

/** Indexes of one worker. */
export class SearchedWorlds {
  readonly #options: SearchedWorldsOptions;
  /** By world, the one that was searched longest ago first. */
  readonly #held = new Map<string, Held>();
  /** Worlds are read one after the other. */
  #loading: Promise<void> = Promise.resolve();

  constructor(options: SearchedWorldsOptions) {
    this.#options = options;
  }

  /**
   * A world's entries, with all that was committed before the call.
   *
   * @returns null when they are not in memory: too many, or not read yet after three seconds
   */
  async current(world: string): Promise<SearchIndex | null> {
    const held = this.#held.get(world) ?? this.#begin(world);
    this.#held.delete(world);
    this.#held.set(world, held);
    held.usedAt = performance.now();
    if (held.moment === null) await Promise.race([held.loaded, pause(WAIT_MS, this.#options.signal)]);
    if (held.moment === null) return null;
    await this.#catchUp(held);
    return held.moment !== null && this.#held.get(world) === held ? held.index : null;
  }

  /** Reads changes in advance, until the signal aborts. */
  async follow(): Promise<void> {
    const { log, signal } = this.#options;
    while (!signal.aborted) {
      for (const held of [...this.#held.values()]) {
        if (performance.now() - held.usedAt > KEEP_MS) this.#held.delete(held.world);
        else if (held.moment !== null && !signal.aborted) {
          // The next search has it fail too, and says so to whoever asked.
          await this.#catchUp(held).catch((error: Error) =>
            log.debug({ world: held.world, reason: error.message }, "search entries not read"),
          );
        }
      }
      await nextTurn(FOLLOW_MS, signal);
    }
  }

  #begin(world: string): Held {
    const index = new SearchIndex();
    const held: Held = {
      world,
      index,
      moment: null,
      loaded: this.#loading,
      usedAt: 0,
      running: null,
      next: null,
    };
    this.#loading = this.#loading.then(async () => {
      try {
        await this.#load(held);
      } catch (error) {
        // The next search begins again.
        this.#options.log.debug({ world, reason: (error as Error).message }, "search entries not read");
        this.#forget(held);
      }
    });
    held.loaded = this.#loading;
    return held;
  }

  /** Reads all. What changes meanwhile may be seen or not: the changes since the moment before say it again. */
  async #load(held: Held): Promise<void> {
    const { sql, signal } = this.#options;
    const moment = await selectSearchMoment(sql, held.world);
    if (moment === null) return this.#forget(held);
    let after = { name: "", id: FIRST_ID };
    for (let isOver = false; !isOver; ) {
      if (signal.aborted || this.#held.get(held.world) !== held) return;
      const entries = await selectSearchEntries(sql, held.world, after, AT_ONCE);
      for (const entry of entries) held.index.put(toEntry(entry));
      isOver = entries.length < AT_ONCE;
      after = entries.at(-1) ?? after;
      if (!this.#makeRoom(held)) return;
    }
    held.moment = moment;
  }

  /** Forgets others, searched longest ago first. @returns false when the world alone is too large */
  #makeRoom(held: Held): boolean {
    const { maxBytes = MAX_BYTES } = this.#options;
    let bytes = 0;
    for (const each of this.#held.values()) bytes += each.index.bytes;
    for (const other of [...this.#held.values()]) {
      if (bytes <= maxBytes) return true;
      if (other === held) continue;
      bytes -= other.index.bytes;
      this.#forget(other);
    }
    if (bytes <= maxBytes) return true;
    // It stays as one that is never there, so that not each search begins to read it.
    held.index = new SearchIndex();
    held.moment = null;
    return false;
  }

  #forget(held: Held): void {
    if (this.#held.get(held.world) === held) this.#held.delete(held.world);
  }

  /** Resolves after a reading that began after the call; whoever calls meanwhile shares it. */
  #catchUp(held: Held): Promise<void> {
    if (held.running === null) return this.#run(held);
    held.next ??= held.running
      .catch(() => undefined)
      .then(() => {
        held.next = null;
        return this.#run(held);
      });
    return held.next;
  }

  #run(held: Held): Promise<void> {
    const running = this.#readChanges(held).finally(() => {
      if (held.running === running) held.running = null;
    });
    held.running = running;
    return running;
  }

  async #readChanges(held: Held): Promise<void> {
    const { snapshot, origin } = held.moment!;
    // A snapshot begins with the oldest transaction that it might have missed.
    let after = { changed: snapshot.split(":")[0]!, id: FIRST_ID };
    let first: SearchMoment | null = null;
    for (let isOver = false; !isOver; ) {
      const read = await selectSearchChanges(this.#options.sql, held.world, snapshot, after, AT_ONCE);
      if (read.moment?.origin !== origin) return this.#forget(held);
      first ??= read.moment;
      for (const change of read.changes) {
        if (change.name !== null) held.index.put(toEntry(change));
        else if (!change.back) held.index.remove(change.id);
      }
      isOver = read.changes.length < AT_ONCE;
      after = read.changes.at(-1) ?? after;
    }
    // What was committed between two of these readings may have been missed by the later ones: it is read again.
    held.moment = first;
    this.#makeRoom(held);
  }
}

/** Without what else came in the row, and all of one shape. */
function toEntry({ id, name, more, badges, banned }: SearchEntry): SearchEntry {
  return { id, name, more, badges, banned };
}
