/**
 * This gateway's channels, on one link: subscribes a turn's channels together, subscribes all of them again when
 * the link comes back, and says of each when it is certain that nothing more is missed on it.
 */
import type { Logger } from "../shared/log.ts";
import type { RedisClient } from "../shared/redis/connect.ts";

interface Channel {
  onMessage(message: Buffer): void;
  /** From now on nothing is missed. `again`: the link had been lost, and what came meanwhile is missed. */
  onSubscribed(again: boolean): void;
  wasSubscribed: boolean;
}

const MAX_CHANNELS_AT_ONCE = 1_000;

export class Subscriptions {
  readonly #link: RedisClient;
  readonly #log: Logger;
  readonly #channels = new Map<string, Channel>();
  #adding = new Set<string>();
  #dropping = new Set<string>();
  #scheduled = false;

  constructor(link: RedisClient, log: Logger) {
    this.#link = link;
    this.#log = log;
    link.on("messageBuffer", (name: Buffer, message: Buffer) => {
      this.#channels.get(name.toString())?.onMessage(message);
    });
    link.on("ready", () => this.#subscribe([...this.#channels.keys()]));
  }

  isConnected(): boolean {
    return this.#link.status === "ready";
  }

  /** Breaks the link and makes a new one, and with it every subscription. */
  reconnect(): void {
    this.#link.disconnect(true);
  }

  add(name: string, handlers: Pick<Channel, "onMessage" | "onSubscribed">): void {
    this.#channels.set(name, { ...handlers, wasSubscribed: false });
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

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const dropping = [...this.#dropping];
      const adding = [...this.#adding];
      this.#dropping = new Set();
      this.#adding = new Set();
      // Without a link, "ready" does it for those that are left by then.
      if (!this.isConnected()) return;
      for (const names of chunks(dropping)) this.#link.unsubscribe(...names).catch(() => {});
      this.#subscribe(adding);
    });
  }

  #subscribe(names: string[]): void {
    for (const chunk of chunks(names)) {
      this.#link.subscribe(...chunk).then(
        () => this.#subscribed(chunk),
        // The link went down; when it is back everything is subscribed again.
        (error: Error) => this.#log.debug({ reason: error.message }, "subscribing failed"),
      );
    }
  }

  #subscribed(names: string[]): void {
    for (const name of names) {
      const channel = this.#channels.get(name);
      if (channel === undefined) continue;
      const again = channel.wasSubscribed;
      channel.wasSubscribed = true;
      channel.onSubscribed(again);
    }
  }
}

function chunks(names: string[]): string[][] {
  const result: string[][] = [];
  for (let i = 0; i < names.length; i += MAX_CHANNELS_AT_ONCE) {
    result.push(names.slice(i, i + MAX_CHANNELS_AT_ONCE));
  }
  return result;
}
