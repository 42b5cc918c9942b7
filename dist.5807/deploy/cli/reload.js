/** `foyer reload`: has all clients load their page anew, spread over a time. */
import { selectWorldVersion } from "../../core/sql/worlds.js";
import { publish } from "../../shared/redis/together.js";
import { Failure } from "./failure.js";
import { liveNodes } from "./live-nodes.js";
import { findStores, withDatabase, withRedis } from "./stores.js";
/** Tells every gateway that is alive. */
export async function runReload(options, io) {
    const world = options.world ?? null;
    if (world !== null)
        await checkWorld(world, options, io);
    const order = JSON.stringify({ kind: "reload", world, over_ms: options.over * 1_000 });
    return await withRedis(io, options, async (link) => {
        const gateways = await liveNodes(link, "gateway");
        if (gateways.length === 0)
            throw new Failure("no gateway is alive: nobody is connected");
        const heard = await Promise.all(gateways.map((gateway) => tell(link, gateway, order)));
        const deaf = gateways.filter((_, i) => !heard[i]).map(({ id }) => id);
        const told = gateways.length - deaf.length;
        if (options.json)
            io.stdout.write(`${JSON.stringify({ gateways: told, not_told: deaf })}\n`);
        else
            io.stdout.write(`told ${told} gateway${told === 1 ? "" : "s"}\n`);
        if (deaf.length > 0)
            throw new Failure(`not told: ${deaf.join(", ")}; run this again in a moment`);
        return 0;
    });
}
/** Whether it was there to hear it. */
async function tell({ redis, keys }, { id }, order) {
    return (await publish(redis, keys.gatewayChannel(id), order)) > 0;
}
/** A mistyped world would reach nobody, and nobody would know. Where the database cannot tell, it is let be. */
async function checkWorld(world, options, io) {
    if (findStores(io.environment, options.data).databaseUrl === null)
        return;
    const version = await withDatabase(io, options, (sql) => selectWorldVersion(sql, world)).catch((error) => {
        if (!(error instanceof Failure))
            throw error;
        io.stderr.write(`warning: whether there is a world "${world}" is unknown: ${error.message}\n`);
        return null;
    });
    if (version === undefined) {
        throw new Failure(`there is no world "${world}": foyer world list shows those there are`);
    }
}
//# sourceMappingURL=reload.js.map