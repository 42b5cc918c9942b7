/**
 * What the command line asks workers for on behalf of an operator: commands like a client's, on the same streams,
 * but of connection 0. A client cannot send them: their namespace is no client's.
 */

/** Every action; its command is `operator.<action>`. */
export const operatorActions = ["show", "ban", "silence", "reactivate", "delete", "grant", "revoke"] as const;

/** One of them. */
export type OperatorAction = (typeof operatorActions)[number];

/** Names an account by one of its keys. */
export type OperatorTarget = { id: string } | { uid: string } | { client_id: string };

/** The payload of each. */
export interface OperatorBody {
  target: OperatorTarget;
  /** Of `grant` and `revoke`. */
  role: string | null;
  /** Of `grant` and `revoke`, the room's id in the world file; null: on the world. */
  room: string | null;
}

/** What all but `show` answer: the account as it is now. */
export interface OperatorResult {
  /** Null when the command had run before and the account's key is forgotten since. */
  id: string | null;
  /** "active", "silenced", "banned" or "deleted"; null likewise. */
  state: string | null;
  /** Of `grant` and `revoke`: whether that is new. */
  changed?: boolean;
}

/** What `show` answers. Times are ISO 8601. */
export interface ShownUser {
  id: string;
  world: string;
  type: string;
  client_id: string | null;
  token_id: string | null;
  pretalx_id: string | null;
  moderation_state: string;
  deleted: boolean;
  version: number;
  created_at: string;
  last_login_at: string | null;
  deleted_at: string | null;
  traits: string[];
  badges: string[];
  /** Granted by name, besides what traits bring; `room` is the room's id in the world file, null for the world. */
  grants: { role: string; room: string | null }[];
  /** What all of it comes to, on the world. */
  permissions: string[];
  profile: unknown;
  client_state: unknown;
  /** Where it is connected now. */
  online: { gateway: string; connections: number }[];
  /** What happened to it, the newest first, at most 1,000. */
  audit: { at: string; event: string; actor_id: string | null; data: unknown; command_id: string | null }[];
}

/** The name of an operator's command; undefined for one that is none. */
export function operatorActionOf(name: string): OperatorAction | undefined {
  return operatorActions.find((action) => name === `operator.${action}`);
}
