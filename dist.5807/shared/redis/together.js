/**
 * Sends commands together, whose order does not matter on a Cluster.
 *
 * @returns their results, in their order
 * @throws Error the first that one of them met; the others may have been carried out
 */
export async function sendTogether(redis, commands) {
    // Its commands have the same names as a pipeline's, and give a promise each.
    if (redis.isCluster) {
        const cluster = redis;
        return await Promise.all(commands.map((send) => send(cluster)));
    }
    const pipeline = redis.pipeline();
    for (const send of commands)
        send(pipeline);
    return ((await pipeline.exec()) ?? []).map(([error, value]) => {
        if (error !== null)
            throw error;
        return value;
    });
}
/**
 * Publishes a message where `Subscriptions` listen: on a Cluster by the server of the channel's slot alone.
 *
 * @returns how many heard it; on a Cluster only on that server, which is where all of ours listen
 */
export function publish(redis, channel, message) {
    const to = redis;
    return (to.isCluster ? to.spublish(channel, message) : to.publish(channel, message));
}
//# sourceMappingURL=together.js.map