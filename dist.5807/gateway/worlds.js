/** A world that exists is looked up anew after so long: a message on the worlds channel may have been missed. */
const FRESH_MS = 30_000;
/** One that doesn't may be imported any moment. */
const FRESH_UNKNOWN_MS = 2_000;
/** A hostile client may ask for any number of them. */
const MAX_WORLDS = 10_000;
export class Worlds {
    #ask;
    #known = new Map();
    #asking = new Map();
    constructor(ask) {
        this.#ask = ask;
    }
    /**
     * Looks a world up. One that is known to exist is never waited for: what is known is given while news of it is
     * on its way.
     *
     * @returns a promise where it is not known; it rejects when no worker answers
     */
    get(id) {
        const known = this.#known.get(id);
        if (known !== undefined) {
            const age = performance.now() - known.at;
            if (age < (known.world.exists ? FRESH_MS : FRESH_UNKNOWN_MS))
                return known.world;
        }
        const asked = this.#refresh(id);
        if (!known?.world.exists)
            return asked;
        // Its failure is the next caller's to see: what is known stands.
        asked.catch(() => { });
        return known.world;
    }
    /** Asks anew. @returns what is known of it now, and whether that is another version than before */
    async refresh(id) {
        const before = this.#known.get(id)?.world;
        const world = await this.#refresh(id);
        return { world, changed: before?.version !== world.version };
    }
    /** Forgets what is known: the world changed. */
    drop(id) {
        this.#known.delete(id);
        this.#asking.delete(id);
    }
    #refresh(id) {
        const under = this.#asking.get(id);
        if (under !== undefined)
            return under;
        const asked = this.#ask(id, "gateway.world", {});
        this.#asking.set(id, asked);
        const done = () => {
            if (this.#asking.get(id) === asked)
                this.#asking.delete(id);
        };
        asked.then((world) => {
            // Dropped meanwhile: this answer may be older than the change.
            if (this.#asking.get(id) !== asked)
                return;
            done();
            this.#known.delete(id);
            this.#known.set(id, { world, at: performance.now() });
            if (this.#known.size > MAX_WORLDS)
                this.#known.delete(this.#known.keys().next().value);
        }, done);
        return asked;
    }
}
//# sourceMappingURL=worlds.js.map