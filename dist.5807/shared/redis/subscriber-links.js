import { addressText } from "./cluster-map.js";
import { connectToKey, isClusterUrl, openClusterMap } from "./connect.js";
import { slotOf } from "./slots.js";
/** How often it is looked at where the slots are. */
const LOOK_EVERY_MS = 1_000;
/** While slots move, servers change their minds: all that does so within this time is one change. */
const MOVED_MS = 100;
/** Opens them; they come back by themselves. */
export function openSubscriberLinks(url, log, events) {
    return isClusterUrl(url) ? new ShardedLinks(url, log, events) : openSingleLink(url, log, events);
}
function openSingleLink(url, log, events) {
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
        look: () => { },
        close: () => link.disconnect(),
    };
}
class ShardedLinks {
    isSharded = true;
    #cluster;
    #log;
    #events;
    #links = new Map();
    #timer;
    #moving = new Set();
    #layout = "";
    #isClosed = false;
    constructor(url, log, events) {
        this.#cluster = openClusterMap(url);
        this.#log = log;
        this.#events = events;
        this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS);
        this.look();
    }
    areReady() {
        const primaries = [...this.#cluster.map.primaries().keys()];
        return primaries.length > 0 && primaries.every((key) => this.#links.get(key)?.status === "ready");
    }
    shards() {
        return [...this.#cluster.map.primaries().values()].map(({ slot }) => slot);
    }
    of(channel) {
        const primary = this.#cluster.map.primaryOf(slotOf(channel));
        return primary && this.#links.get(addressText(primary));
    }
    subscribe(link, channels) {
        return link.ssubscribe(...channels);
    }
    unsubscribe(link, channels) {
        return link.sunsubscribe(...channels);
    }
    look() {
        this.#cluster.map.refresh().then(() => this.#follow(), (error) => this.#log.debug({ reason: error.message }, "looking at the cluster failed"));
    }
    close() {
        this.#isClosed = true;
        clearInterval(this.#timer);
        for (const link of this.#links.values())
            link.disconnect();
    }
    /** Opens links to new primaries, ends those to servers that are none any more. */
    #follow() {
        if (this.#isClosed)
            return;
        const primaries = this.#cluster.map.primaries();
        for (const [key, link] of this.#links) {
            if (primaries.has(key))
                continue;
            this.#links.delete(key);
            link.disconnect();
            this.#events.onLost(link);
        }
        for (const [key, { host, port }] of primaries) {
            if (!this.#links.has(key))
                this.#links.set(key, this.#open(host, port));
        }
        const layout = this.#cluster.map.layout();
        if (layout === this.#layout)
            return;
        this.#layout = layout;
        this.#events.onReady();
    }
    #open(host, port) {
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
    async #subscribeAnew(link) {
        if (this.#moving.has(link))
            return;
        this.#moving.add(link);
        await this.#cluster.map.refresh();
        await new Promise((resolve) => setTimeout(resolve, MOVED_MS));
        this.#moving.delete(link);
        this.#events.onLost(link);
        this.#follow();
        this.#events.onReady();
    }
}
//# sourceMappingURL=subscriber-links.js.map