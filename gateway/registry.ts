/** This gateway's part of the registry: workers enter connections, the gateway takes them out. */
import type { RedisClient } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";

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
