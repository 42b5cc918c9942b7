/** Worlds as files (docs/protocol.md): a file is the whole truth of its world, and refused whole when it is broken. */
import type { RedisClient } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { publish } from "../shared/redis/together.ts";
import { builtInRoles, builtInTraitGrants } from "./built-in-roles.ts";
import { retryConflicts, type Sql, transact } from "./sql/database.ts";
import {
  deleteWorldRow,
  type RoomRow,
  replaceRooms,
  selectRooms,
  selectWorld,
  selectWorlds,
  upsertWorld,
} from "./sql/worlds.ts";
import { compileTokenKeys, type TokenKey } from "./tokens.ts";
import { type Fault, findFaults, knownKeys, unfoldConfig, type WorldFile } from "./world-file-schema.ts";

/** A file with faults; nothing of it was imported. */
export class WorldFileError extends Error {
  readonly faults: Fault[];

  constructor(faults: Fault[]) {
    super(`the world file has ${faults.length} fault(s); nothing was imported`);
    this.name = "WorldFileError";
    this.faults = faults;
  }
}

/** How to reach a running cluster; null where there is none. */
export interface ClusterLink {
  redis: RedisClient;
  keys: Keys;
}

/** What an import did. */
export interface Imported {
  world: string;
  created: boolean;
  rooms: number;
  /** Top-level keys that mean nothing here. */
  skipped: string[];
}

/**
 * Puts a world in place as its file says, and tells the running cluster.
 *
 * @param file parsed JSON
 * @throws WorldFileError
 */
export async function importWorld(sql: Sql, cluster: ClusterLink | null, file: unknown): Promise<Imported> {
  const faults = findFaults(file);
  if (faults.length > 0) throw new WorldFileError(faults);
  const { world, rooms = [], roles, trait_grants: grants } = unfoldConfig(file) as WorldFile;
  const { id, roles: innerRoles, trait_grants: innerGrants, ...settings } = world;
  const created = await transact(sql, async (tx) => {
    const isNew = await upsertWorld(tx, id, {
      settings,
      roles: roles ?? innerRoles ?? builtInRoles,
      traitGrants: grants ?? innerGrants ?? builtInTraitGrants,
    });
    await replaceRooms(tx, id, (rooms ?? []).map(toRow));
    return isNew;
  });
  await tellCluster(cluster, id);
  const skipped = Object.keys(file as WorldFile).filter((key) => !knownKeys.has(key));
  return { world: id, created, rooms: rooms?.length ?? 0, skipped };
}

/** The file of a world, which imports again to the same; null when there is no such world. */
export async function exportWorld(sql: Sql, id: string): Promise<WorldFile | null> {
  return await sql.begin("isolation level repeatable read read only", async (tx) => {
    const world = await selectWorld(tx, id);
    if (world === undefined) return null;
    const rooms = await selectRooms(tx, id);
    return {
      world: { id, ...world.settings } as WorldFile["world"],
      roles: world.roles as NonNullable<WorldFile["roles"]>,
      trait_grants: world.trait_grants as NonNullable<WorldFile["trait_grants"]>,
      rooms: rooms.map(({ id: _id, import_id, ...room }) => ({ id: import_id, ...room }) as never),
    };
  });
}

/** All worlds, for a list. */
export function listWorlds(sql: Sql) {
  return selectWorlds(sql);
}

/** Deletes a world with all its accounts; false when there is none. */
export async function deleteWorld(sql: Sql, cluster: ClusterLink | null, id: string): Promise<boolean> {
  const deleted = await retryConflicts(() => deleteWorldRow(sql, id));
  if (deleted) await tellCluster(cluster, id);
  return deleted;
}

/** The world's first key that has a secret; null when it has none, or there is no such world. */
export async function signingKey(sql: Sql, id: string): Promise<TokenKey | null> {
  const world = await selectWorld(sql, id);
  return compileTokenKeys(world?.settings.JWT_secrets).find((key) => key.secret !== null) ?? null;
}

async function tellCluster(cluster: ClusterLink | null, world: string): Promise<void> {
  if (cluster !== null) await publish(cluster.redis, cluster.keys.worldsChannel(), world);
}

function toRow(room: NonNullable<NonNullable<WorldFile["rooms"]>[number]>): Omit<RoomRow, "id"> {
  return {
    import_id: room.id,
    name: room.name,
    description: room.description ?? "",
    picture: room.picture ?? null,
    pretalx_id: room.pretalx_id == null ? null : String(room.pretalx_id),
    force_join: room.force_join ?? false,
    schedule_data: room.schedule_data ?? null,
    trait_grants: room.trait_grants ?? {},
    modules: (room.modules ?? []).map(({ type, config }) => ({ type, config: config ?? {} })),
  };
}
