import { pushFrame } from "../../shared/protocol/frames.js";
import { resolveAccess } from "../permissions.js";
import { finishSocialLogin, startSocialLogin } from "../social-login.js";
import { selectCutOff } from "../sql/user-moderation.js";
import { selectNewerUsers } from "../sql/users.js";
import { ownUserJson } from "../user-view.js";
import { worldConfig } from "../world-config.js";
export const gatewayHandlers = {
    async "gateway.world"({ services, world: id }) {
        const world = await services.worlds.get(id);
        return world === undefined
            ? { exists: false, version: 0, origins: [] }
            : { exists: true, version: world.version, origins: [...world.origins] };
    },
    async "gateway.resync"({ services, world: id, now }, { users: known }) {
        const world = await services.worlds.get(id);
        if (world === undefined)
            return { users: [] };
        const rows = await selectNewerUsers(services.sql, id, known);
        return {
            users: rows.map((row) => [
                row.id,
                row.version,
                pushFrame("user.updated", ownUserJson(world, row, now)),
            ]),
        };
    },
    "gateway.cut_off": async ({ services, world }, { users }) => ({
        users: await selectCutOff(services.sql, world, users),
    }),
    async "gateway.world_updated"({ services, loaders, world: id, share }, { users }) {
        const world = await services.worlds.getLatest(id);
        const frames = users.map(async (user) => {
            const row = await loaders.user(id, "id", user);
            const access = world && row && resolveAccess(world, row);
            if (!access?.world.has("world:view"))
                return [user, null];
            const config = worldConfig(world, access);
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
//# sourceMappingURL=gateway-commands.js.map