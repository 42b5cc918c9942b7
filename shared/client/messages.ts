/** What the server says to a client, as types. Types alone: a page that uses the client loads no schemas. */
import type { Static } from "typebox";
import type { CommandBody, CommandName, commands } from "../protocol/commands.ts";
import type { user } from "../protocol/user.ts";

export type { CommandBody, CommandName };

/** The result of a command. */
export type CommandResult<N extends CommandName> = Static<(typeof commands)[N]["result"]>;

/** An account. */
export type User = Static<typeof user>;

/** Who logs in, as the payload of `authenticate`. */
export type Login = { token: string } | { client_id: string | number; invite_token?: string };

/** A room as its visitor sees it. */
export interface RoomConfig {
  id: string;
  name: string;
  description: string;
  picture: string | null;
  import_id: string | null;
  pretalx_id: string | number | null;
  permissions: string[];
  force_join: boolean;
  schedule_data: unknown;
  modules: { type: string; config: unknown; channel_id?: string }[];
}

/** The world as one user sees it. */
export interface WorldConfig {
  world: { id: string; title: string; [setting: string]: unknown };
  permissions: string[];
  rooms: RoomConfig[];
}

/** The payload of `authenticated`. */
export interface Authenticated {
  "user.config": User;
  "world.config": WorldConfig;
  "chat.channels": { id: string; unread_pointer: number; members?: unknown[] }[];
  "chat.read_pointers": Record<string, number>;
}

/** Names of commands that change nothing. */
type ReadName = {
  [N in CommandName]: (typeof commands)[N]["writes"] extends false ? N : never;
}[CommandName];

/**
 * Commands that may be under way beside each other. Types hold it to the table: a writing command does not compile
 * here. One that is missing is taken for a writing one, which costs time and is never wrong.
 */
export const reads: Partial<Record<ReadName, true>> = { "user.fetch": true };
