/** What commands send besides their answers, put on its way. */
import { encodeUserBroadcast } from "../shared/envelope.js";
import { pushFrame } from "../shared/protocol/frames.js";
import { runScript } from "../shared/redis/lua.js";
import { ownUserJson } from "./user-view.js";
/** The outbox of one worker. */
export function createOutbox({ redis, keys }, writer) {
    return {
        userChanged({ world, origin: { gateway, connection }, now }, user, { shown, access }) {
            const message = encodeUserBroadcast({
                world: world.id,
                user: user.id,
                version: user.version,
                frame: shown ? pushFrame("user.updated", ownUserJson(world, user, now)) : null,
                accessChanged: access,
                origin: connection === 0 ? null : { gateway, connection },
                publishedAt: Date.now(),
            });
            writer.publish(keys.userChannel(world.id, user.id), message);
        },
        share: (text) => writer.share(text),
        async connected({ world, origin: { gateway, connection } }, user, limit) {
            const member = `${gateway}/${connection}`;
            // First the list that clearing up after a dead gateway goes by: what only the registry knew would stay.
            const [, replaced, runs] = await Promise.all([
                redis.sadd(keys.gatewayUsers(gateway), `${world.id}/${user.id}`),
                runScript(redis, "register-connection", keys.registry(world.id, user.id), member, limit),
                runScript(redis, "lease-runs", keys.leases("gateway"), gateway),
            ]);
            // A login whose gateway is dead already: nobody would clear up after that gateway a second time.
            if (runs === 0) {
                await redis.zrem(keys.registry(world.id, user.id), member);
                await redis.srem(keys.gatewayUsers(gateway), `${world.id}/${user.id}`);
            }
            for (const [name, connections] of byGateway(replaced)) {
                writer.publish(keys.gatewayChannel(name), JSON.stringify({ kind: "replace", connections }));
            }
        },
    };
}
/** Splits `gateway/connection` into the connections of each gateway. */
function byGateway(members) {
    const result = new Map();
    for (const member of members) {
        const at = member.lastIndexOf("/");
        const gateway = member.slice(0, at);
        result.set(gateway, [...(result.get(gateway) ?? []), Number(member.slice(at + 1))]);
    }
    return result;
}
//# sourceMappingURL=outbox.js.map