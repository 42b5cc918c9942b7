/** This gateway's part of the registry: workers enter connections, the gateway takes them out. */
import { pause } from "../shared/backoff.ts";
import type { RedisClient } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { type Send, sendTogether } from "../shared/redis/together.ts";

/** What is entered of a connection. */
export interface RegisteredConnection {
  world: string;
  user: string | null;
  number: number;
  /** ms since the epoch. */
  loggedInAt: number;
}

const RESTORED_AT_ONCE = 1_000;
const RESTORE_AFTER_MS = 1_000;

/** Members that come into one key or go out of it. */
interface Change {
  command: "sadd" | "srem" | "zrem";
  key: string;
  members: string[];
}

/** Changes of one turn of the event loop go out together, and those of one key as one as far as their order allows. */
export class Registry {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #gateway: string;
  #changes: Change[] = [];
  /** By key, the last of these. */
  readonly #last = new Map<string, Change>();

  constructor(redis: RedisClient, keys: Keys, gateway: string) {
    this.#redis = redis;
    this.#keys = keys;
    this.#gateway = gateway;
  }

  /** The gateway holds connections of this user now: whoever clears up after it must know. */
  holds(world: string, user: string): void {
    this.#change("sadd", this.#keys.gatewayUsers(this.#gateway), `${world}/${user}`);
  }

  /** It holds none any more. */
  holdsNot(world: string, user: string): void {
    this.#change("srem", this.#keys.gatewayUsers(this.#gateway), `${world}/${user}`);
  }

  /** A connection is gone. */
  leave(world: string, user: string, connection: number): void {
    this.#change("zrem", this.#keys.registry(world, user), `${this.#gateway}/${connection}`);
  }

  /**
   * Enters all of them again: Redis may have come back empty, or others have cleared up after this gateway while
   * it could not renew its lease.
   */
  async restore(connections: Iterable<RegisteredConnection>): Promise<void> {
    const left = [...connections];
    while (left.length > 0) {
      const some = left.splice(0, RESTORED_AT_ONCE).flatMap(({ world, user, number, loggedInAt }): Send[] => {
        const [key, member] = [this.#keys.registry(world, user!), `${this.#gateway}/${number}`];
        return [
          (to) => to.sadd(this.#keys.gatewayUsers(this.#gateway), `${world}/${user}`),
          (to) => to.zadd(key, "NX", loggedInAt * 1_000, member),
        ];
      });
      await sendTogether(this.#redis, some);
    }
  }

  /**
   * Has all entered again whenever a Cluster has lost a server: the one in its place may not have got what was
   * entered last. @param connections those there are then
   */
  restoreAfterLoss(connections: () => Iterable<RegisteredConnection>, signal: AbortSignal): void {
    let isRestoring = false;
    this.#redis.on("-node", async () => {
      if (isRestoring) return;
      isRestoring = true;
      for (let isDone = false; !isDone && !signal.aborted; ) {
        await pause(RESTORE_AFTER_MS, signal);
        isDone = await this.restore(connections()).then(
          () => true,
          // Nobody has taken its place yet.
          () => false,
        );
      }
      isRestoring = false;
    });
  }

  #change(command: Change["command"], key: string, member: string): void {
    const last = this.#last.get(key);
    if (last?.command === command) {
      last.members.push(member);
      return;
    }
    const change = { command, key, members: [member] };
    this.#last.set(key, change);
    this.#changes.push(change);
    if (this.#changes.length > 1) return;
    setImmediate(() => {
      const changes = this.#changes.map(({ command, key, members }): Send => {
        return (to) => to[command](key, ...members);
      });
      this.#changes = [];
      this.#last.clear();
      // While Redis is away the lease runs out, and the leader clears up.
      sendTogether(this.#redis, changes).catch(() => {});
    });
  }
}
