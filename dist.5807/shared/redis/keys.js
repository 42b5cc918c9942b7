/**
 * Every Redis key and channel, hash tags too; nothing else builds one. Keys that one script touches share a
 * hash tag, so that the same code runs on Redis Cluster.
 */
import { createHash } from "node:crypto";
import { tagOf } from "./slots.js";
/** The consumer group that all workers read with. */
export const COMMAND_GROUP = "core";
/** @param prefix `FOYER_REDIS_PREFIX` */
export function createKeys(prefix) {
    return {
        /** Stream: commands on their way to a worker. */
        commandStream: (stream) => `${prefix}:commands:{${stream}}`,
        /** Integer: commands, not entries, in that stream. */
        backlog: (stream) => `${prefix}:backlog:{${stream}}`,
        /** String: the run id of the Redis on which a worker has checked the stream's ids (docs/architecture.md). */
        streamChecked: (stream) => `${prefix}:checked:{${stream}}`,
        /** Stream: answers on their way to a gateway. */
        replyStream: (gateway) => `${prefix}:replies:{${gateway}}`,
        /** Stream: entries given up after 5 deliveries. */
        deadLetters: () => `${prefix}:dead`,
        /** Sorted set: nodes of a role by the end of their lease, ms by Redis' clock. */
        leases: (role) => `${prefix}:leases:{${role}}`,
        /** Hash: what each node of a role tells about itself, JSON. */
        nodes: (role) => `${prefix}:nodes:{${role}}`,
        /** Stream: fences, each a user and a version of its account; connections that know only older ones are cut off. */
        fences: () => `${prefix}:fences:{gateway}`,
        /** Hash: up to which fence each gateway enforces them. */
        fencesConfirmed: () => `${prefix}:fences-confirmed:{gateway}`,
        /** String: the worker that leads. */
        leader: () => `${prefix}:leader`,
        /** Sorted set: connections of one user, `gateway/connection` by when it was registered, µs by Redis' clock. */
        registry: (world, user) => `${prefix}:registry:{${world}:${user}}`,
        /** Set: users that a gateway holds connections of, `world/user`, for clearing up after it. */
        gatewayUsers: (gateway) => `${prefix}:gateway-users:{${gateway}}`,
        /** Hash: token bucket of a user's updates. */
        updateRate: (world, user) => `${prefix}:rate:update:{${world}:${user}}`,
        /** Integer: failed logins from an address in this minute. */
        failedLogins: (address) => `${prefix}:failed-logins:{${address}}`,
        /** String: a link to a social network's login that nobody has followed yet, JSON. */
        socialLink: (id) => `${prefix}:social-link:{${id}}`,
        /** String: a login at a social network that is under way, JSON. */
        socialState: (id) => `${prefix}:social-state:{${id}}`,
        /** Hash: token bucket of a user's links. */
        socialRate: (world, user) => `${prefix}:rate:social:{${world}:${user}}`,
        /** String: the run of the big answer that a user gets at the moment. */
        bigAnswer: (world, user) => `${prefix}:big-answer:{${world}:${user}}`,
        /** String: a text that many replies share. */
        sharedText: (hash) => `${prefix}:text:{${hash}}`,
        /** Channel: news of one user. */
        userChannel: (world, user) => `${prefix}:user:${world}:${user}`,
        /** Channel: ids of worlds whose settings changed; one for all, so that a node subscribes once. */
        worldsChannel: () => `${prefix}:worlds`,
        /** Channel: orders to one gateway. */
        gatewayChannel: (gateway) => `${prefix}:gateway:${gateway}`,
        /** Channel: a fence was raised. */
        fencesChannel: () => `${prefix}:fences`,
        /** Channel: how many parts of a big answer its client has taken. */
        answerChannel: (run) => `${prefix}:answer:${run}`,
        /** Channel: proof that publish/subscribe delivers. On a Cluster each server has its own, by a slot that it holds. */
        canaryChannel: (slot) => slot === null ? `${prefix}:canary` : `${prefix}:canary:{${tagOf(slot)}}`,
    };
}
/**
 * The command stream of an account, or of a connection before it has one: always the same for the same key
 * (docs/architecture.md: effects on one account are ordered by their place in one stream).
 */
export function streamOf(key, streams) {
    if (streams === 1)
        return 0;
    return createHash("sha1").update(key).digest().readUInt32BE(0) % streams;
}
//# sourceMappingURL=keys.js.map