/** What goes out together: as one pipeline where one server has all keys, each command to its own on a Cluster. */
import type { ChainableCommander } from "ioredis";
import type { RedisClient } from "./connect.ts";

/** Gives one command, of one key, to whatever takes it. */
export type Send = (to: ChainableCommander) => unknown;

/**
 * Sends commands together, whose order does not matter on a Cluster.
 *
 * @returns their results, in their order
 * @throws Error the first that one of them met; the others may have been carried out
 */
export async function sendTogether(redis: RedisClient, commands: readonly Send[]): Promise<unknown[]> {
  // Its commands have the same names as a pipeline's, and give a promise each.
  if (redis.isCluster) {
    const cluster = redis as unknown as ChainableCommander;
    return await Promise.all(commands.map((send) => send(cluster)));
  }
  const pipeline = redis.pipeline();
  for (const send of commands) send(pipeline);
  const results = (await pipeline.exec()) ?? [];
  return commands.map((_, i) => {
    const [error, value] = results[i] ?? [];
    if (error) throw error;
    // Redis gives null where there is nothing: this answer was lost with a link, and the others may have been too.
    if (value === undefined) throw new Error("Connection is closed.");
    return value;
  });
}

/**
 * Publishes a message where `Subscriptions` listen: on a Cluster by the server of the channel's slot alone.
 *
 * @returns how many heard it; on a Cluster only on that server, which is where all of ours listen
 */
export function publish(
  redis: RedisClient | ChainableCommander,
  channel: string,
  message: string | Buffer,
): Promise<number> {
  const to = redis as RedisClient;
  return (to.isCluster ? to.spublish(channel, message) : to.publish(channel, message)) as Promise<number>;
}
