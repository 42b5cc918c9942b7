/**
 * A world's search entries in memory, in the order of results: by name, then id. They stand in blocks, whose texts
 * are joined, so that a text that is in none of them is ruled out at once.
 */
import type { SearchEntry } from "./sql/search-entries.ts";
import type { SearchQuery } from "./sql/user-search.ts";

/** Entries of a block; a full one is divided. */
const BLOCK = 512;

/** Stands between texts; in no term. */
const MARK = "\u0001";

/** What an entry takes besides its texts, in bytes: about. */
const ENTRY_BYTES = 300;

interface Block {
  entries: SearchEntry[];
  /** All its texts; null: to be joined anew. */
  texts: string | null;
}

/** Matches that a page lies in: from the first of a name to the last of a name. */
export interface Found {
  matches: SearchEntry[];
  /** How many matches come before. */
  before: number;
}

/** Entries of one world. */
export class SearchIndex {
  readonly #blocks: Block[] = [{ entries: [], texts: null }];
  readonly #byId = new Map<string, SearchEntry>();
  #bytes = 0;

  /** What it takes in memory, about. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Enters an account, in place of what was known of it. */
  put(entry: SearchEntry): void {
    this.remove(entry.id);
    const at = this.#blockOf(entry);
    const block = this.#blocks[at]!;
    block.entries.splice(placeIn(block.entries, entry), 0, entry);
    block.texts = null;
    if (block.entries.length > BLOCK) {
      this.#blocks.splice(at + 1, 0, { entries: block.entries.splice(BLOCK / 2), texts: null });
    }
    this.#byId.set(entry.id, entry);
    this.#bytes += bytesOf(entry);
  }

  /** Forgets an account, if it is there. */
  remove(id: string): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    const at = this.#blockOf(entry);
    const block = this.#blocks[at]!;
    block.entries.splice(placeIn(block.entries, entry), 1);
    block.texts = null;
    if (block.entries.length === 0 && this.#blocks.length > 1) this.#blocks.splice(at, 1);
    this.#byId.delete(id);
    this.#bytes -= bytesOf(entry);
  }

  /**
   * The matches on a page, with all others of the first and the last name on it. The term is folded.
   */
  find(query: SearchQuery, offset: number, limit: number): Found {
    const isMatch = matcher(query);
    const end = offset + limit;
    let matches: SearchEntry[] = [];
    let before = 0;
    for (const block of this.#blocks) {
      if (query.term !== "" && !textsOf(block).includes(query.term)) continue;
      for (const entry of block.entries) {
        if (!isMatch(entry)) continue;
        if (entry.name !== matches.at(-1)?.name) {
          if (before + matches.length >= end) return { matches, before };
          if (before + matches.length <= offset) {
            before += matches.length;
            matches = [];
          }
        }
        matches.push(entry);
      }
    }
    return { matches, before };
  }

  /** The block that an entry belongs to: the last that begins with it or before. */
  #blockOf(entry: SearchEntry): number {
    let low = 0;
    let high = this.#blocks.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (compareEntries(this.#blocks[middle]!.entries[0]!, entry) <= 0) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** How many of the entries come before it. */
function placeIn(entries: readonly SearchEntry[], entry: SearchEntry): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareEntries(entries[middle]!, entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function textsOf(block: Block): string {
  block.texts ??= block.entries
    .map(({ name, more }) => (more === null ? name : name + MARK + more))
    .join(MARK);
  return block.texts;
}

function matcher({ term, badge, banned }: SearchQuery): (entry: SearchEntry) => boolean {
  const worn = badge === null ? null : MARK + badge + MARK;
  return (entry) => {
    if (entry.banned && !banned) return false;
    if (worn !== null && !entry.badges?.includes(worn)) return false;
    return term === "" || entry.name.includes(term) || (entry.more?.includes(term) ?? false);
  };
}

function bytesOf({ name, more, badges }: SearchEntry): number {
  // In the entry, and again in the texts of its block; two bytes a character, unless all of it is Latin.
  return ENTRY_BYTES + 4 * (name.length + (more?.length ?? 0)) + 2 * (badges?.length ?? 0);
}

function compareEntries(a: SearchEntry, b: SearchEntry): number {
  return compareTexts(a.name, b.name) || (a.id < b.id ? -1 : Number(a.id > b.id));
}

/** By code points, as Postgres's "C" does; JavaScript's own order is that of halves of surrogate pairs. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters that come after all of those of one unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}
