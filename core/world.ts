/**
 * A world as commands use it: read from the database once, compiled, then never changed. What depends only on
 * the world and a set of grants is remembered here, and goes with it when the world changes.
 */
import { createHash } from "node:crypto";
import type { RoomRow, WorldRow } from "./sql/worlds.ts";
import { compileTokenKeys, type TokenKey } from "./tokens.ts";

/** Permissions of each role. */
export type Roles = Readonly<Record<string, readonly string[]>>;

/** One trait, or several of which one must hold. */
export type Requirement = string | readonly string[];

/** The requirements of each role; all of a role's must hold. */
export type TraitGrants = Readonly<Record<string, readonly Requirement[]>>;

/** A compiled room. */
export interface Room extends RoomRow {
  traitGrants: TraitGrants;
}

/** A compiled world. */
export interface World {
  id: string;
  version: number;
  settings: Readonly<Record<string, unknown>>;
  roles: Roles;
  traitGrants: TraitGrants;
  rooms: readonly Room[];
  tokenKeys: readonly TokenKey[];
  badges: Readonly<Record<string, string>>;
  /** Connections that one user may hold; 0: any number. */
  connectionLimit: number;
  /** Origins that its pages may come from. */
  origins: readonly string[];
  /** Memo of `permissions.ts`, by what grants depend on. */
  accessMemo: Map<string, unknown>;
  /** Memo of `world-config.ts`, by set of permissions. */
  configMemo: Map<string, SharedText>;
  /** The same by what `permissions.ts` has resolved, for as long as that is remembered. */
  configOfAccess: WeakMap<object, SharedText>;
}

/** A text that many replies share, with the hash that stands for it on the wire. */
export interface SharedText {
  hash: string;
  text: string;
}

/** Compiles what the database holds. Settings of a wrong type count as absent: files are checked on import. */
export function compileWorld(row: WorldRow, rooms: RoomRow[]): World {
  const { settings } = row;
  const domain = typeof settings.domain === "string" ? [`https://${settings.domain}`] : [];
  return {
    id: row.id,
    version: row.version,
    settings,
    roles: row.roles as Roles,
    traitGrants: compileGrants(row.trait_grants),
    rooms: rooms.map((room) => ({ ...room, traitGrants: compileGrants(room.trait_grants) })),
    tokenKeys: compileTokenKeys(settings.JWT_secrets),
    badges: (settings.trait_badges_map ?? {}) as Record<string, string>,
    connectionLimit: Number(settings.connection_limit) || 0,
    origins: [...domain, ...((settings.return_origins as string[] | undefined) ?? [])],
    accessMemo: new Map(),
    configMemo: new Map(),
    configOfAccess: new WeakMap(),
  };
}

/** A role whose requirements are null is granted to nobody. */
function compileGrants(grants: unknown): TraitGrants {
  const entries = Object.entries(grants as Record<string, readonly Requirement[] | null>);
  return Object.fromEntries(entries.filter((entry): entry is [string, Requirement[]] => entry[1] !== null));
}

/** Names a text by its content. */
export function sharedText(text: string): SharedText {
  return { hash: createHash("sha1").update(text).digest("base64url"), text };
}
