/** What gateways ask for themselves: see `shared/protocol/gateway-commands.ts`. */
import type { FramePart } from "../../shared/envelope.ts";
import { pushFrame } from "../../shared/protocol/frames.ts";
import type { GatewayCommandName, GatewayCommands } from "../../shared/protocol/gateway-commands.ts";
import type { Loaders } from "../loaders.ts";
import { resolveAccess } from "../permissions.ts";
import { finishSocialLogin, startSocialLogin } from "../social-login.ts";
import { selectCutOff } from "../sql/user-moderation.ts";
import { selectNewerUsers, type UserRow } from "../sql/users.ts";
import { ownUserJson } from "../user-view.ts";
import type { SharedText } from "../world.ts";
import { worldConfig } from "../world-config.ts";
import type { CommandContext, Origin, Services } from "./context.ts";

/** What one is given. */
export interface GatewayContext {
  services: Services;
  loaders: Loaders;
  world: string;
  now: number;
  /** Makes a text known to gateways before the answer that refers to it. */
  share(text: SharedText): void;
  /** Where it came from: what changes an account needs its id and place, as a client's command does. */
  origin: Origin;
  /** Tells all connections of an account that changed. */
  userChanged(context: CommandContext, user: UserRow): void;
}

type GatewayHandlers = {
  readonly [N in GatewayCommandName]: (
    context: GatewayContext,
    body: GatewayCommands[N]["body"],
  ) => Promise<GatewayCommands[N]["answer"]>;
};

export const gatewayHandlers: GatewayHandlers = {
  async "gateway.world"({ services, world: id }) {
    const world = await services.worlds.get(id);
    return world === undefined
      ? { exists: false, version: 0, origins: [] }
      : { exists: true, version: world.version, origins: [...world.origins] };
  },

  async "gateway.resync"({ services, world: id, now }, { users: known }) {
    const world = await services.worlds.get(id);
    if (world === undefined) return { users: [] };
    const rows = await selectNewerUsers(services.sql, id, known);
    return {
      users: rows.map((row) => [
        row.id,
        row.version,
        pushFrame("user.updated", ownUserJson(world, row, now)),
        row.cut_off_version,
      ]),
    };
  },

  "gateway.cut_off": async ({ services, world }, { users }) => ({
    users: await selectCutOff(services.sql, world, users),
  }),

  async "gateway.world_updated"({ services, loaders, world: id, share }, { users }) {
    const world = await services.worlds.getLatest(id);
    const frames = users.map(async (user): Promise<[string, FramePart[] | null]> => {
      const row = await loaders.user(id, "id", user);
      const access = world && row && resolveAccess(world, row);
      if (!access?.world.has("world:view")) return [user, null];
      const config = worldConfig(world!, access);
      share(config);
      return [user, ['["world.updated",', { shared: config.hash }, "]"]];
    });
    return { users: await Promise.all(frames) };
  },

  async "gateway.social_start"(context, body) {
    return { location: await startSocialLogin(context, body) };
  },

  async "gateway.social_callback"(context, body) {
    return { location: await finishSocialLogin(context, body) };
  },
};
