import { UserBatches } from "./user-batches.js";
/** @returns asks for what this user's connections may have missed */
export function createResync({ ask, fanOut, metrics, log, signal }) {
    const batches = new UserBatches({
        about: "resync",
        log,
        signal,
        ask: async (world, users) => {
            const known = users.flatMap((user) => {
                const version = fanOut().knownVersion(world, user);
                return version === null ? [] : [[user, version]];
            });
            if (known.length === 0)
                return;
            metrics.resyncs.inc(known.length);
            const { users: newer } = await ask(world, "gateway.resync", { users: known });
            for (const [user, version, frame] of newer)
                fanOut().resynced(world, user, version, frame);
        },
    });
    return (world, user) => batches.add(world, [user]);
}
//# sourceMappingURL=resync.js.map