/** The operator: whoever runs the command line. No account, and nothing is denied to it. */
import type { Access } from "./permissions.ts";
import type { LockedUser } from "./sql/users.ts";

/** Holds every permission, also such as no role has. */
class EveryPermission extends Set<string> {
  override has(): boolean {
    return true;
  }
}

/** What stands where a command expects its actor; of an id that no account is given. */
export const OPERATOR: LockedUser = {
  id: "00000000-0000-0000-0000-000000000000",
  type: "person",
  client_id: null,
  token_id: null,
  pretalx_id: null,
  profile: "{}",
  client_state: "{}",
  traits: [],
  moderation_state: "",
  version: 0,
  traits_position: "",
  profile_position: "",
  client_state_position: "",
  moderation_position: "",
  reactivated_position: "",
  pretalx_id_position: "",
  cut_off_version: 0,
  last_login_at: null,
  deleted: false,
  world_roles: [],
  room_roles: [],
};

/** What the operator may do. */
export const OPERATOR_ACCESS: Access = { world: new EveryPermission(), rooms: new Map() };
