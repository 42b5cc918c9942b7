/**
 * The links on which channels are heard: one where there is one server; on a Cluster one to each primary, on which
 * those channels are subscribed whose slot it holds (SSUBSCRIBE). Which that is changes under way, and is looked
 * at again and again.
 */
import type { Redis } from "ioredis";
import type { Logger } from "../log.ts";
import { addressText } from "./cluster-map.ts";
import { connectToKey, isClusterUrl, openClusterMap } from "./connect.ts";
import { slotOf } from "./slots.ts";

/** What is told. */
interface LinkEvents {
  onMessage(channel: Buffer, message: Buffer): void;
  /** A link stands, or channels belong to another one: what is not subscribed can be. */
  onReady(): void;
  /** Nothing is subscribed on this link any more. */
  onLost(link: Redis): void;
}

/** One or several links. */
export interface SubscriberLinks {
  readonly isSharded: boolean;
  areReady(): boolean;
  /** First slot of each server; null where there are no slots. */
  shards(): (number | null)[];
  /** The link on which a channel belongs; undefined while nobody is known to hold it. */
  of(channel: string): Redis | undefined;
  subscribe(link: Redis, channels: string[]): Promise<unknown>;
  unsubscribe(link: Redis, channels: string[]): Promise<unknown>;
  /** Looks at once where the slots are. */
  look(): void;
  close(): void;
}

/** How often it is looked at where the slots are. */
const LOOK_EVERY_MS = 1_000;

/** While slots move, servers change their minds: all that does so within this time is one change. */
const MOVED_MS = 100;

/** Opens them; they come back by themselves. */
export function openSubscriberLinks(url: string, log: Logger, events: LinkEvents): SubscriberLinks {
  return isClusterUrl(url) ? new ShardedLinks(url, log, events) : openSingleLink(url, log, events);
}

function openSingleLink(url: string, log: Logger, events: LinkEvents): SubscriberLinks {
  const link = connectToKey(url, "subscriber", log, "");
  link.on("messageBuffer", events.onMessage);
  link.on("ready", events.onReady);
  link.on("close", () => events.onLost(link));
  return {
    isSharded: false,
    areReady: () => link.status === "ready",
    shards: () => [null],
    of: () => link,
    subscribe: (_, channels) => link.subscribe(...channels),
    unsubscribe: (_, channels) => link.unsubscribe(...channels),
    look: () => {},
    close: () => link.disconnect(),
  };
}

class ShardedLinks implements SubscriberLinks {
  readonly isSharded = true;
  readonly #cluster: ReturnType<typeof openClusterMap>;
  readonly #log: Logger;
  readonly #events: LinkEvents;
  readonly #links = new Map<string, Redis>();
  readonly #timer: NodeJS.Timeout;
  readonly #moving = new Set<Redis>();
  #layout = "";
  #isClosed = false;

  constructor(url: string, log: Logger, events: LinkEvents) {
    this.#cluster = openClusterMap(url);
    this.#log = log;
    this.#events = events;
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.look();
  }

  areReady(): boolean {
    const primaries = [...this.#cluster.map.primaries().keys()];
    return primaries.length > 0 && primaries.every((key) => this.#links.get(key)?.status === "ready");
  }

  shards(): number[] {
    return [...this.#cluster.map.primaries().values()].map(({ slot }) => slot);
  }

  of(channel: string): Redis | undefined {
    const primary = this.#cluster.map.primaryOf(slotOf(channel));
    return primary && this.#links.get(addressText(primary));
  }

  subscribe(link: Redis, channels: string[]): Promise<unknown> {
    return link.ssubscribe(...channels);
  }

  unsubscribe(link: Redis, channels: string[]): Promise<unknown> {
    return link.sunsubscribe(...channels);
  }

  look(): void {
    this.#cluster.map.refresh().then(
      () => this.#follow(),
      (error: Error) => this.#log.debug({ reason: error.message }, "looking at the cluster failed"),
    );
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const link of this.#links.values()) link.disconnect();
  }

  /** Opens links to new primaries, ends those to servers that are none any more. */
  #follow(): void {
    if (this.#isClosed) return;
    const primaries = this.#cluster.map.primaries();
    for (const [key, link] of this.#links) {
      if (primaries.has(key)) continue;
      this.#links.delete(key);
      link.disconnect();
      this.#events.onLost(link);
    }
    for (const [key, { host, port }] of primaries) {
      if (!this.#links.has(key)) this.#links.set(key, this.#open(host, port));
    }
    const layout = this.#cluster.map.layout();
    if (layout === this.#layout) return;
    this.#layout = layout;
    this.#events.onReady();
  }

  #open(host: string, port: number): Redis {
    const link = this.#cluster.connect(host, port, this.#log);
    link.on("smessageBuffer", this.#events.onMessage);
    link.on("ready", this.#events.onReady);
    link.on("close", () => {
      this.#events.onLost(link);
      this.look();
    });
    // The server has refused or taken back subscriptions, since their slots are another's. Which, is not said.
    link.on("moved", () => void this.#subscribeAnew(link));
    return link;
  }

  async #subscribeAnew(link: Redis): Promise<void> {
    if (this.#moving.has(link)) return;
    this.#moving.add(link);
    await this.#cluster.map.refresh();
    await new Promise((resolve) => setTimeout(resolve, MOVED_MS));
    this.#moving.delete(link);
    this.#events.onLost(link);
    this.#follow();
    this.#events.onReady();
  }
}
