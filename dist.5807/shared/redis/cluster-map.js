/**
 * Which server of a Redis Cluster holds which slots, asked for whenever it matters; and a connector that takes one
 * link to the server of one slot, wherever that is by then. Such a link behaves as one to a single server: it
 * breaks when its server goes, and is ready again on the next one.
 */
import { connect } from "node:net";
import { AbstractConnector, Redis } from "ioredis";
import { backoffMs } from "../backoff.js";
/** How long one server may take to say what it knows. */
const ASK_MS = 1_000;
/** Pause between two looks for a server that holds a slot: after a failover the next look finds it. */
const FIRST_LOOK_MS = 50;
const MAX_LOOK_MS = 400;
export class ClusterMap {
    #seeds;
    #login;
    #ranges = [];
    #refreshing = null;
    /** @param seeds servers to ask when nobody else is known */
    constructor(seeds, login) {
        this.#seeds = seeds;
        this.#login = login;
    }
    /** The primary that holds a slot; undefined while it is not known. */
    primaryOf(slot) {
        return this.#ranges.find(({ first, last }) => first <= slot && slot <= last)?.primary;
    }
    /** All primaries, each with the first slot that it holds. */
    primaries() {
        const found = new Map();
        for (const { first, primary } of this.#ranges) {
            const known = found.get(addressText(primary));
            if (known === undefined || first < known.slot)
                found.set(addressText(primary), { ...primary, slot: first });
        }
        return found;
    }
    /** All that is known, as text to tell a change by. */
    layout() {
        return JSON.stringify(this.#ranges);
    }
    /** Asks one server after another. @returns whether one has answered */
    refresh() {
        this.#refreshing ??= this.#refresh().finally(() => {
            this.#refreshing = null;
        });
        return this.#refreshing;
    }
    async #refresh() {
        const servers = new Map();
        // In any order: the one that is asked first may be the one that knows least.
        for (const server of shuffled([...this.primaries().values(), ...this.#seeds])) {
            servers.set(addressText(server), server);
        }
        for (const server of servers.values()) {
            const rows = await this.#ask(server).catch(() => null);
            if (rows === null || rows.length === 0)
                continue;
            const ranges = rows.map(([first, last, [host, port]]) => ({
                first,
                last,
                // A server that was not told how it is called leaves its name to whoever found it.
                primary: { host: host || server.host, port },
            }));
            this.#ranges = ranges.sort((a, b) => a.first - b.first);
            return true;
        }
        return false;
    }
    async #ask({ host, port }) {
        const link = new Redis({
            ...this.#login,
            host,
            port,
            lazyConnect: true,
            enableReadyCheck: false,
            retryStrategy: () => null,
            connectTimeout: ASK_MS,
            commandTimeout: ASK_MS,
            disconnectTimeout: 0,
        });
        // What goes wrong is the caller's to see, by the rejection.
        link.on("error", () => { });
        try {
            await link.connect();
            return (await link.cluster("SLOTS"));
        }
        finally {
            link.disconnect();
        }
    }
}
/** `host:port`, by which a server is told from others. */
export function addressText({ host, port }) {
    return `${host}:${port}`;
}
/** @returns a connector for `Connector` of ioredis' options */
export function slotConnector(map, slot) {
    return class SlotConnector extends AbstractConnector {
        constructor(options) {
            super(options.disconnectTimeout);
        }
        /** Looks until a server is found: a rejection would be the end of the link. */
        async connect() {
            this.connecting = true;
            for (let attempt = 0; this.connecting; attempt++) {
                const isFresh = await map.refresh();
                const primary = isFresh && this.connecting ? map.primaryOf(slot) : undefined;
                if (primary !== undefined) {
                    const stream = connect(primary);
                    stream.once("error", (error) => {
                        this.firstError = error;
                    });
                    this.stream = stream;
                    return stream;
                }
                await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, FIRST_LOOK_MS, MAX_LOOK_MS)));
            }
            throw new Error("Connection is closed.");
        }
        /** A server that was primary a moment ago may be a replica now. */
        check({ role }) {
            return role === undefined || role === "master";
        }
    };
}
function shuffled(items) {
    return items
        .map((item) => ({ item, at: Math.random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ item }) => item);
}
//# sourceMappingURL=cluster-map.js.map