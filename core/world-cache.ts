/**
 * Compiled worlds, one copy a worker: dropped when the worlds channel names one, and read again after half a
 * minute anyway, should that message have been lost.
 */
import type { Sql } from "./sql/database.ts";
import { selectRooms, selectWorld, selectWorldVersion } from "./sql/worlds.ts";
import { compileWorld, type World } from "./world.ts";

/** Where commands get worlds from. */
export interface WorldCache {
  /** The world if it is at hand; undefined says nothing. */
  peek(id: string): World | undefined;
  /** The world; undefined when there is none. */
  get(id: string): Promise<World | undefined>;
  /** The world as the database has it now, for a caller that knows of a change. */
  getLatest(id: string): Promise<World | undefined>;
  drop(id: string): void;
  dropAll(): void;
}

const MAX_AGE_MS = 30_000;

/** Ids come from connections: enough for every real world, few enough for made-up ones. */
const MAX_WORLDS = 1_000;

/** What is kept of one: what reads it, and then what was read. */
interface Entry {
  world: Promise<World | undefined>;
  read: World | undefined;
  readAt: number;
}

export function createWorldCache(sql: Sql): WorldCache {
  const entries = new Map<string, Entry>();

  const read = async (id: string) => {
    // In one snapshot, or a world could be seen with another version's rooms.
    return await sql.begin("isolation level repeatable read read only", async (tx) => {
      const row = await selectWorld(tx, id);
      return row && compileWorld(row, await selectRooms(tx, id));
    });
  };

  const get = (id: string) => {
    const entry = entries.get(id);
    if (entry !== undefined && performance.now() - entry.readAt < MAX_AGE_MS) return entry.world;
    const world = read(id);
    entries.delete(id);
    const made: Entry = { world, read: undefined, readAt: performance.now() };
    entries.set(id, made);
    if (entries.size > MAX_WORLDS) entries.delete(entries.keys().next().value!);
    world.then(
      (found) => {
        made.read = found;
      },
      // A failed read is nobody's answer but that of those who waited for it.
      () => {
        if (entries.get(id) === made) entries.delete(id);
      },
    );
    return world;
  };

  return {
    peek(id) {
      const entry = entries.get(id);
      return entry !== undefined && performance.now() - entry.readAt < MAX_AGE_MS ? entry.read : undefined;
    },
    get,
    async getLatest(id) {
      const [world, version] = await Promise.all([get(id), selectWorldVersion(sql, id)]);
      if (world?.version === version) return world;
      entries.delete(id);
      return await get(id);
    },
    drop: (id) => entries.delete(id),
    dropAll: () => entries.clear(),
  };
}
