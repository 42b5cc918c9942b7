import { clientAddress } from "./client-address.js";
const worldPath = /^\/ws\/world\/([a-z0-9-]{1,50})\/?$/;
/** @returns the decision on one upgrade; what it admits is reserved in `connections` */
export function createAdmission(options) {
    const { connections, metrics, maxConnections, maxConnectionsPerAddress, isDraining, trusted } = options;
    const refuse = (reason, refused) => {
        metrics.connectionsRefused.inc({ reason });
        return { refused };
    };
    return (request) => {
        if (isDraining())
            return refuse("draining", "503 Service Unavailable");
        if (maxConnections > 0 && connections.admitted >= maxConnections) {
            return refuse("full", "503 Service Unavailable");
        }
        const address = clientAddress(request.peer, request.forwardedFor, trusted);
        if (maxConnectionsPerAddress > 0 && connections.admittedFrom(address) >= maxConnectionsPerAddress) {
            return refuse("address", "429 Too Many Requests");
        }
        connections.reserve(address);
        const id = worldPath.exec(request.path)?.[1] ?? null;
        const world = id === null ? null : lookUp(options, id);
        const exists = world instanceof Promise ? world.then(doesExist) : doesExist(world);
        const admitted = { world: id, exists, address };
        if (isOriginLetIn(options.origins, request.origin))
            return { admitted };
        const decide = (known) => {
            if (known !== null && known !== "unavailable" && known.origins.includes(request.origin)) {
                return { admitted };
            }
            connections.release(address);
            return known === "unavailable"
                ? refuse("world", "503 Service Unavailable")
                : refuse("origin", "403 Forbidden");
        };
        return world instanceof Promise ? world.then(decide) : decide(world);
    };
}
/** What is known of the world; "unavailable": nobody answers. */
function lookUp({ worlds, log }, id) {
    const world = worlds.get(id);
    if (!(world instanceof Promise))
        return world;
    return world.catch((error) => {
        log.warn({ world: id, reason: error.message }, "looking a world up failed");
        return "unavailable";
    });
}
/** A world that nobody answers for may exist: its commands will be told `server.timeout`. */
function doesExist(world) {
    return world === "unavailable" || world?.exists === true;
}
/** By the setting; without an `Origin` it is no browser, which nobody could lure here. */
function isOriginLetIn(allowed, origin) {
    return allowed.length === 0 || origin === "" || allowed.includes(origin);
}
//# sourceMappingURL=admission.js.map