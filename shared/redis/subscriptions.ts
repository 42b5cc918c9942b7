/**
 * A node's channels: subscribes a turn's channels together, subscribes again what a link or a server has lost, and
 * says of each channel when it is certain that nothing more is missed on it. On a Cluster each channel is heard on
 * the server that holds its slot (`subscriber-links.ts`).
 */
import type { Redis } from "ioredis";
import type { Logger } from "../log.ts";
import { openSubscriberLinks, type SubscriberLinks } from "./subscriber-links.ts";

/** What somebody who listens to a channel is told. */
export interface ChannelHandlers {
  onMessage(message: Buffer): void;
  /** From now on nothing is missed. `again`: it was not heard for a while, and what came meanwhile is missed. */
  onSubscribed?(again: boolean): void;
}

interface Channel {
  readonly handlers: ChannelHandlers;
  /** The link on which it is heard, or will be once that answers; null: none. */
  link: Redis | null;
  wasSubscribed: boolean;
}

const MAX_CHANNELS_AT_ONCE = 1_000;

/** A server that refused, because the slot is another's now, or will be in a moment. */
const AGAIN_MS = 100;

export class Subscriptions {
  readonly #links: SubscriberLinks;
  readonly #log: Logger;
  readonly #channels = new Map<string, Channel>();
  #adding = new Set<string>();
  #dropping = new Set<string>();
  #scheduled = false;
  #again: NodeJS.Timeout | undefined;

  /** @param url `REDIS_URL` */
  constructor(url: string, log: Logger) {
    this.#log = log;
    this.#links = openSubscriberLinks(url, log, {
      onMessage: (name, message) => this.#channels.get(name.toString())?.handlers.onMessage(message),
      onReady: () => this.#subscribe(this.#channels.keys()),
      onLost: (link) => {
        for (const channel of this.#channels.values()) if (channel.link === link) channel.link = null;
      },
    });
  }

  /** Whether the links to all servers stand. */
  isConnected(): boolean {
    return this.#links.areReady();
  }

  /**
   * What of the server there is to be proved by a canary: null where there is one server, on a Cluster the first
   * slot of each.
   */
  shards(): (number | null)[] {
    return this.#links.shards();
  }

  /** Breaks the link of a channel and makes a new one, and with it every subscription on it. */
  reconnect(name: string): void {
    this.#links.of(name)?.disconnect(true);
  }

  add(name: string, handlers: ChannelHandlers): void {
    this.#channels.set(name, { handlers, link: null, wasSubscribed: false });
    this.#dropping.delete(name);
    this.#adding.add(name);
    this.#schedule();
  }

  drop(name: string): void {
    this.#channels.delete(name);
    this.#adding.delete(name);
    this.#dropping.add(name);
    this.#schedule();
  }

  /** Ends all links. */
  close(): void {
    clearTimeout(this.#again);
    this.#links.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const dropping = this.#dropping;
      const adding = this.#adding;
      this.#dropping = new Set();
      this.#adding = new Set();
      for (const { link, names } of this.#commands(dropping)) {
        // A link that is lost has lost this too.
        this.#links.unsubscribe(link, names).catch(() => {});
      }
      this.#subscribe(adding);
    });
  }

  /** Those that are not heard on their link. Without a link, `onReady` does it for those that are left by then. */
  #subscribe(names: Iterable<string>): void {
    const missing = [...names].filter((name) => {
      const channel = this.#channels.get(name);
      return channel !== undefined && (channel.link === null || channel.link !== this.#links.of(name));
    });
    for (const { link, names: chunk } of this.#commands(missing)) {
      const channels = chunk.map((name) => this.#channels.get(name)!);
      for (const channel of channels) channel.link = link;
      this.#links.subscribe(link, chunk).then(
        () => this.#subscribed(link, channels),
        (error: Error) => this.#refused(link, channels, error),
      );
    }
  }

  #subscribed(link: Redis, channels: readonly Channel[]): void {
    for (const channel of channels) {
      // Its link was lost meanwhile: the answer says nothing of the next one.
      if (channel.link !== link) continue;
      const again = channel.wasSubscribed;
      channel.wasSubscribed = true;
      channel.handlers.onSubscribed?.(again);
    }
  }

  #refused(link: Redis, channels: readonly Channel[], error: Error): void {
    this.#log.debug({ reason: error.message }, "subscribing failed");
    for (const channel of channels) if (channel.link === link) channel.link = null;
    // A link that went down subscribes everything when it is back. One that stands was the wrong one.
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      this.#links.look();
      this.#subscribe(this.#channels.keys());
    }, AGAIN_MS);
  }

  /** Names by their link, as many as one command may carry. */
  #commands(names: Iterable<string>): { link: Redis; names: string[] }[] {
    const open = new Map<Redis, { link: Redis; names: string[] }>();
    const commands: { link: Redis; names: string[] }[] = [];
    for (const name of names) {
      const link = this.#links.of(name);
      if (link?.status !== "ready") continue;
      let command = open.get(link);
      // On a Cluster, a command's channels have to be of one slot.
      if (command === undefined || this.#links.isSharded || command.names.length === MAX_CHANNELS_AT_ONCE) {
        command = { link, names: [] };
        open.set(link, command);
        commands.push(command);
      }
      command.names.push(name);
    }
    return commands;
  }
}
