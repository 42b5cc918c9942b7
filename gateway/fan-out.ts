/**
 * Broadcasts to the connections of each user. A connection gets only what is newer than what it knows, and what
 * it may have missed is fetched by version, so it never goes backwards and always converges (docs/architecture.md).
 *
 * Sent by one call for each connection: a user holds a few, and each has its own newest version, which
 * uWebSockets' publish/subscribe knows nothing of (docs/decisions has the measurement).
 */
import { BrokenEnvelope, decodeUserBroadcast, type UserBroadcast } from "../shared/envelope.ts";
import type { Logger } from "../shared/log.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { ChannelHandlers, Subscriptions } from "../shared/redis/subscriptions.ts";
import type { Connection } from "./connection.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { Registry } from "./registry.ts";

/** A user with connections on this gateway, and what listens to its channel: one small object for each of very many. */
class ConnectedUser implements ChannelHandlers {
  readonly world: string;
  readonly id: string;
  /** Never changed, but replaced: whoever goes through them may close some. */
  connections: readonly Connection[];
  /** The newest version that was met here, by any of them. */
  version: number;
  readonly #listener: UserListener;

  constructor(connection: Connection, listener: UserListener) {
    this.world = connection.world;
    this.id = connection.user!;
    this.version = connection.version;
    this.connections = [connection];
    this.#listener = listener;
  }

  onMessage(message: Buffer): void {
    this.#listener.heard(this, message);
  }

  /** Between the login and this moment nobody listened. */
  onSubscribed(): void {
    this.#listener.resync(this.world, this.id);
  }
}

/** What a connected user's channel brings goes here. */
interface UserListener {
  heard(user: ConnectedUser, message: Buffer): void;
  resync(world: string, user: string): void;
}

/** What was found of a connection that is just changing its account itself is asked for again so much later. */
const AGAIN_MS = 20;

/** What is known of one version of an account; `frame` null: nothing that the user object shows changed. */
type News = Pick<UserBroadcast, "version" | "frame" | "origin">;

interface FanOutOptions {
  gateway: string;
  keys: Keys;
  log: Logger;
  metrics: GatewayMetrics;
  registry: Registry;
  subscriptions: Subscriptions;
  /** Fetch what this user's connections may have missed. */
  resync(world: string, user: string): void;
  /** What this user may see has changed. */
  accessChanged(world: string, user: string): void;
}

export class FanOut {
  readonly #options: FanOutOptions;
  /** By world, then by id; no world without anybody. */
  readonly #worlds = new Map<string, Map<string, ConnectedUser>>();
  readonly #listener: UserListener;

  constructor(options: FanOutOptions) {
    this.#options = options;
    const { resync } = options;
    this.#listener = { heard: (user, message) => this.#onMessage(user, message), resync };
  }

  /** Adds a connection that has just logged in; it knows its `version`. */
  join(connection: Connection): void {
    const { world, user: id, version } = connection;
    const user = this.#find(world, id!);
    if (user === undefined) return this.#begin(connection);
    if (!user.connections.includes(connection)) user.connections = [...user.connections, connection];
    // Something newer went by while the login was on its way.
    if (user.version > version) this.#options.resync(world, user.id);
  }

  leave(connection: Connection): void {
    const { world, user: id } = connection;
    const user = this.#find(world, id!);
    if (!user?.connections.includes(connection)) return;
    user.connections = user.connections.filter((each) => each !== connection);
    if (user.connections.length > 0) return;
    const users = this.#worlds.get(world)!;
    users.delete(user.id);
    if (users.size === 0) this.#worlds.delete(world);
    this.#options.subscriptions.drop(this.#options.keys.userChannel(world, user.id));
    this.#options.registry.holdsNot(world, user.id);
  }

  /** The answer to a connection's own command said that its account is at this version now. */
  ownChange(connection: Connection, version: number): void {
    if (version <= connection.version) return;
    // What lies between came from others, and is on its way or lost.
    if (connection.version < version - 1) {
      connection.missed = true;
      this.#options.resync(connection.world, connection.user!);
    }
    connection.version = version;
  }

  /**
   * Hands on what a resync found.
   *
   * @param cutOffVersion connections that logged in with an older version are being cut off, and told nothing else; 0
   *   where a worker of the version before does not say
   */
  resynced(
    world: string,
    id: string,
    { version, frame }: { version: number; frame: string },
    cutOffVersion = 0,
  ): void {
    const user = this.#find(world, id);
    if (user === undefined) return;
    const isTold = (each: Connection) => !each.isWriting && each.loginVersion >= cutOffVersion;
    if (this.#deliver(user, { version, frame, origin: null }, "resync", isTold)) {
      // What they may see may have changed with it.
      this.#options.accessChanged(world, id);
    }
    // Whether it is its own change that was found, its answer tells in a moment.
    const isLeft = user.connections.some((each) => each.isWriting && isNewsTo(each, version));
    if (isLeft) setTimeout(() => this.#options.resync(world, id), AGAIN_MS).unref();
  }

  /** The version below which a connection of this user may have missed something; null: none is here. */
  knownVersion(world: string, id: string): number | null {
    const user = this.#find(world, id);
    if (user === undefined) return null;
    const known = user.connections.map(({ version, missed }) => (missed ? version - 1 : version));
    return Math.min(...known);
  }

  connectionsOf(world: string, id: string): Iterable<Connection> {
    return this.#find(world, id)?.connections ?? [];
  }

  /** Ids of the connected users of a world. */
  usersOf(world: string): string[] {
    return [...(this.#worlds.get(world)?.keys() ?? [])];
  }

  /** Worlds of which users are connected. */
  worlds(): Set<string> {
    return new Set(this.#worlds.keys());
  }

  #find(world: string, id: string): ConnectedUser | undefined {
    return this.#worlds.get(world)?.get(id);
  }

  #begin(connection: Connection): void {
    const user = new ConnectedUser(connection, this.#listener);
    const { world, id } = user;
    let users = this.#worlds.get(world);
    if (users === undefined) {
      users = new Map();
      this.#worlds.set(world, users);
    }
    users.set(id, user);
    const { subscriptions, registry, keys } = this.#options;
    registry.holds(world, id);
    subscriptions.add(keys.userChannel(world, id), user);
  }

  #onMessage(user: ConnectedUser, message: Buffer): void {
    const { log, metrics, accessChanged, resync } = this.#options;
    let broadcast: UserBroadcast;
    try {
      broadcast = decodeUserBroadcast(message);
      if (broadcast.world !== user.world || broadcast.user !== user.id)
        throw new BrokenEnvelope("not this channel's");
    } catch (error) {
      // A newer worker's, which this gateway cannot read: what it says can be fetched.
      metrics.unreadable.inc({ kind: "broadcast" });
      log.warn({ reason: (error as Error).message }, "unreadable broadcast");
      return resync(user.world, user.id);
    }
    if (this.#deliver(user, broadcast, "broadcast")) {
      metrics.fanoutDelay.observe(Math.max(0, Date.now() - broadcast.publishedAt) / 1000);
    }
    if (broadcast.accessChanged) accessChanged(user.world, user.id);
  }

  /** @param isTold which connections are told at all @returns whether anybody got it */
  #deliver(
    user: ConnectedUser,
    news: News,
    kind: string,
    isTold: (connection: Connection) => boolean = () => true,
  ): boolean {
    const { gateway, resync } = this.#options;
    const { version, frame, origin } = news;
    user.version = Math.max(user.version, version);
    let delivered = false;
    for (const connection of user.connections) {
      if (!isNewsTo(connection, version) || !isTold(connection)) continue;
      const isNext = version === connection.version + 1;
      const isOrigin = origin?.gateway === gateway && origin.connection === connection.number;
      // Its own change it knows by the answer, unless others' changes lie between.
      if (isOrigin && isNext && !connection.missed) {
        connection.version = version;
      } else if (frame !== null) {
        connection.version = version;
        connection.missed = false;
        connection.send(frame, kind);
        delivered = true;
      } else if (isNext && !connection.missed) {
        connection.version = version;
      } else {
        resync(user.world, user.id);
      }
    }
    return delivered;
  }
}

function isNewsTo({ missed, version: known }: Connection, version: number): boolean {
  return missed ? version >= known : version > known;
}
