/** This gateway's part of the registry: workers enter connections, the gateway takes them out. */
import type { RedisClient } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";

/** What is entered of a connection. */
export interface RegisteredConnection {
  world: string;
  user: string | null;
  number: number;
  /** ms since the epoch. */
  loggedInAt: number;
}

const RESTORED_AT_ONCE = 1_000;

/** Changes of one turn of the event loop go out together. */
export class Registry {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #gateway: string;
  #changes: ((pipeline: ReturnType<RedisClient["pipeline"]>) => void)[] = [];

  constructor(redis: RedisClient, keys: Keys, gateway: string) {
    this.#redis = redis;
    this.#keys = keys;
    this.#gateway = gateway;
  }

  /** The gateway holds connections of this user now: whoever clears up after it must know. */
  holds(world: string, user: string): void {
    this.#change((pipeline) => pipeline.sadd(this.#keys.gatewayUsers(this.#gateway), `${world}/${user}`));
  }

  /** It holds none any more. */
  holdsNot(world: string, user: string): void {
    this.#change((pipeline) => pipeline.srem(this.#keys.gatewayUsers(this.#gateway), `${world}/${user}`));
  }

  /** A connection is gone. */
  leave(world: string, user: string, connection: number): void {
    const member = `${this.#gateway}/${connection}`;
    this.#change((pipeline) => pipeline.zrem(this.#keys.registry(world, user), member));
  }

  /**
   * Enters all of them again: Redis may have come back empty, or others have cleared up after this gateway while
   * it could not renew its lease.
   */
  async restore(connections: Iterable<RegisteredConnection>): Promise<void> {
    const left = [...connections];
    while (left.length > 0) {
      const pipeline = this.#redis.pipeline();
      for (const { world, user, number, loggedInAt } of left.splice(0, RESTORED_AT_ONCE)) {
        pipeline.sadd(this.#keys.gatewayUsers(this.#gateway), `${world}/${user}`);
        pipeline.zadd(
          this.#keys.registry(world, user!),
          "NX",
          loggedInAt * 1_000,
          `${this.#gateway}/${number}`,
        );
      }
      await pipeline.exec();
    }
  }

  #change(change: (pipeline: ReturnType<RedisClient["pipeline"]>) => void): void {
    this.#changes.push(change);
    if (this.#changes.length > 1) return;
    setImmediate(() => {
      const pipeline = this.#redis.pipeline();
      for (const apply of this.#changes) apply(pipeline);
      this.#changes = [];
      // While Redis is away the lease runs out, and the leader clears up.
      pipeline.exec().catch(() => {});
    });
  }
}
