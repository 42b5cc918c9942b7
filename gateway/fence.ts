/**
 * Fences (design: "a ban that was acknowledged is absolute"). A fence names a user and a version of its account:
 * every connection that logged in with an older one is cut off, and every login still on its way refused. So it
 * may be read late or twice, and whoever is let in again afterwards is left alone.
 *
 * A gateway confirms what it has read. Once its lease has run out nobody waits for it: then it asks the database
 * about everyone who is connected before anything passes again (`lease.ts`).
 */
import type { Logger } from "../shared/log.ts";
import type { RedisClient } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { Subscriptions } from "../shared/redis/subscriptions.ts";
import type { Connection } from "./connection.ts";
import type { FanOut } from "./fan-out.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { Ask } from "./own-commands.ts";
import type { PendingCommands } from "./pending-commands.ts";

interface FencesOptions {
  redis: RedisClient;
  keys: Keys;
  gateway: string;
  subscriptions: Subscriptions;
  fanOut: Pick<FanOut, "connectionsOf" | "usersOf" | "worlds">;
  pending: PendingCommands;
  ask: Ask;
  /** Longest that an answer is waited for. */
  timeoutMs: number;
  metrics: Pick<GatewayMetrics, "unreadable">;
  log: Logger;
}

/** Users of one question; workers take so many (`gateway-commands.ts`). */
const MAX_USERS = 500;

/** How long a fence is remembered at the least, for logins that are on their way. */
const REMEMBERED_MS = 60_000;

export class Fences {
  readonly #options: FencesOptions;
  /** The last fence that was read; null until this gateway begins. */
  #position: string | null = null;
  /** Whether all fences up to that one are enforced: not while it is being found out what was missed. */
  #isComplete = false;
  #reading: Promise<void> | null = null;
  #readAgain = false;
  /** By user: below which version a login is refused, and since when; the oldest first. */
  readonly #recent = new Map<string, { version: number; at: number }>();

  constructor(options: FencesOptions) {
    this.#options = options;
    const { subscriptions, redis, keys, log } = options;
    const read = () => {
      this.read().catch((error: Error) => {
        // The next renewal of the lease brings the next attempt.
        log.debug({ reason: error.message }, "reading fences failed");
      });
    };
    redis.on("close", () => {
      // Behind a new link may be another server, on which this position means nothing.
      this.#isComplete = false;
    });
    subscriptions.add(keys.fencesChannel(), { onMessage: read, onSubscribed: read });
  }

  /** Whether a login that was answered with this version of its account stands behind a fence. */
  refuses(world: string, user: string, version: number): boolean {
    const fence = this.#recent.get(keyOf(world, user));
    return fence !== undefined && version < fence.version;
  }

  /** Reads, enforces and confirms what is new. @throws Error when Redis is away */
  async read(): Promise<void> {
    // Nobody has logged in here yet. Fences from before may be of accounts that the database knows an older version
    // of, since it was restored: nobody should be refused for those.
    if (this.#position === null) return;
    this.#readAgain = true;
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  /**
   * Begins anew after a time in which nobody waited for this gateway: cuts off whoever the database says must go,
   * and follows the fences from here.
   *
   * @throws Error when it cannot be found out; nothing may pass until it is
   */
  async beginAnew(): Promise<void> {
    const { redis, keys } = this.#options;
    this.#isComplete = false;
    const [newest] = await redis.xrevrange(keys.fences(), "+", "-", "COUNT", 1);
    // What is raised from here on is read; all that was raised before is committed, and seen by the question.
    this.#position = newest?.[0] ?? "0-0";
    await this.#askAboutAll();
    this.#isComplete = true;
    await this.#confirm(this.#position);
    await this.read();
  }

  async #readAll(): Promise<void> {
    const { redis, keys } = this.#options;
    while (this.#readAgain) {
      this.#readAgain = false;
      const before: string | null = this.#position;
      const entries = await redis.xrange(keys.fences(), `(${before}`, "+");
      // Begun anew meanwhile: the answer may be another server's.
      if (this.#position !== before) this.#readAgain = true;
      else if (entries.length > 0) await this.#apply(entries);
    }
  }

  async #apply(entries: [id: string, fields: string[]][]): Promise<void> {
    for (const [id, fields] of entries) {
      const [, world, , user, , version = ""] = fields;
      // Of what is no fence nothing can be enforced, and what is behind it must not wait.
      if (world !== undefined && user !== undefined && /^\d{1,15}$/.test(version))
        this.#enforce(world, user, Number(version));
      else this.#options.metrics.unreadable.inc({ kind: "fence" });
      this.#position = id;
    }
    if (this.#isComplete && this.#position !== null) await this.#confirm(this.#position);
  }

  async #confirm(position: string): Promise<void> {
    const { redis, keys, gateway } = this.#options;
    await redis.hset(keys.fencesConfirmed(), gateway, position);
  }

  #enforce(world: string, user: string, version: number): void {
    const { fanOut, pending, timeoutMs } = this.#options;
    const now = performance.now();
    const key = keyOf(world, user);
    const known = this.#recent.get(key)?.version ?? 0;
    this.#recent.delete(key);
    this.#recent.set(key, { version: Math.max(version, known), at: now });
    for (const [old, { at }] of this.#recent) {
      if (now - at < Math.max(REMEMBERED_MS, timeoutMs * 2)) break;
      this.#recent.delete(old);
    }
    for (const connection of [...fanOut.connectionsOf(world, user)]) {
      if (connection.loginVersion >= version) continue;
      pending.forgetAll(connection.number);
      connection.cutOff();
    }
  }

  async #askAboutAll(): Promise<void> {
    const { fanOut, ask, log } = this.#options;
    for (const world of fanOut.worlds()) {
      const users = fanOut.usersOf(world);
      while (users.length > 0) {
        const known = users.splice(0, MAX_USERS).map((user): [string, number] => {
          return [user, oldestLogin(fanOut.connectionsOf(world, user))];
        });
        const { users: gone } = await ask(world, "gateway.cut_off", { users: known });
        for (const [user, version] of gone) this.#enforce(world, user, version);
        if (gone.length > 0) log.info({ users: gone.length }, "cut off users whose fences were missed");
      }
    }
  }
}

function oldestLogin(connections: Iterable<Connection>): number {
  return Math.min(Number.MAX_SAFE_INTEGER, ...[...connections].map(({ loginVersion }) => loginVersion));
}

function keyOf(world: string, user: string): string {
  return `${world}/${user}`;
}
