import { openConnection } from "../frame-client.js";
import { tokenFor, WORLD } from "./world.js";
/** A machine that is so busy that nothing is answered in time is given up. */
const MAX_ATTEMPTS = 5;
export class Moderator {
    #connection;
    #asked = new Map();
    #last = 0;
    constructor(connection) {
        this.#connection = connection;
        connection.onMessage = (text) => {
            const frame = JSON.parse(text);
            const id = frame[0] === "authenticated" ? "login" : frame[1];
            this.#asked.get(id)?.read(frame, performance.now());
            this.#asked.delete(id);
        };
        connection.onClose = (code) => {
            for (const { fail } of this.#asked.values())
                fail(new Error(`a moderator was closed with ${code}`));
        };
    }
    static async logIn(gateway, uid) {
        const moderator = new Moderator(await openConnection(gateway.world(WORLD)));
        await moderator.#ask("login", ["authenticate", { token: tokenFor(uid, ["moderator"]) }]);
        return moderator;
    }
    /**
     * Asks, again where the outcome is unknown.
     *
     * @param onSuccess called when it is read, before anything else that has come is
     */
    async ask(action, body, onSuccess = () => { }) {
        for (let attempts = 1;; attempts++) {
            const id = ++this.#last;
            const outcome = await this.#ask(id, [action, id, body], onSuccess);
            if (outcome.error !== "server.timeout" || attempts === MAX_ATTEMPTS)
                return outcome;
        }
    }
    close() {
        this.#connection.close();
    }
    #ask(id, frame, onSuccess = () => { }) {
        return new Promise((resolve, fail) => {
            const sentAt = performance.now();
            const read = ([action, , result], readAt) => {
                if (action === "success")
                    onSuccess();
                resolve({ error: action === "error" ? (result?.code ?? "unknown") : null, sentAt, readAt });
            };
            this.#asked.set(id, { sentAt, read, fail });
            this.#connection.send(JSON.stringify(frame));
        });
    }
}
//# sourceMappingURL=moderator.js.map