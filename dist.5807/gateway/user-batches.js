/**
 * Users about whom workers have to be asked, gathered by world and asked for together; asked again until there is
 * an answer. One batch of a world is under way at a time, so that answers come in the order of the questions.
 */
import { backoffMs, pause } from "../shared/backoff.js";
/** Users of one question; workers take so many (`gateway-commands.ts`). */
const MAX_USERS = 500;
/** Takes users to ask about. */
export class UserBatches {
    #options;
    #worlds = new Map();
    constructor(options) {
        this.#options = options;
    }
    add(world, users) {
        const waiting = this.#worlds.get(world);
        if (waiting !== undefined) {
            for (const user of users)
                waiting.add(user);
            return;
        }
        const first = new Set(users);
        if (first.size === 0)
            return;
        this.#worlds.set(world, first);
        // What this turn of the event loop brings goes with it.
        setImmediate(() => void this.#askAll(world, first));
    }
    async #askAll(world, waiting) {
        const { ask, log, about, signal } = this.#options;
        for (let failures = 0; waiting.size > 0 && !signal.aborted;) {
            const users = [...waiting].slice(0, MAX_USERS);
            for (const user of users)
                waiting.delete(user);
            try {
                await ask(world, users);
                failures = 0;
            }
            catch (error) {
                for (const user of users)
                    waiting.add(user);
                if (failures === 0)
                    log.warn({ about, reason: error.message }, "asking workers failed");
                await pause(backoffMs(failures++, 200, 5_000), signal);
            }
        }
        this.#worlds.delete(world);
    }
}
//# sourceMappingURL=user-batches.js.map