/** The connections of this gateway: how many, from where, and who has not logged in in time. */
import { closeCodes } from "../shared/protocol/close-codes.js";
export class Connections {
    #byNumber = new Map();
    /** Not logged in yet, the oldest first. */
    #anonymous = new Set();
    #byAddress = new Map();
    /** Admitted, with or without a WebSocket yet. */
    #admitted = 0;
    #last = 0;
    /** A number that no connection of this process has had; 0 is the gateway itself. */
    nextNumber() {
        return ++this.#last;
    }
    /** Counts an upgrade that is being let in, until `release`. */
    reserve(address) {
        this.#admitted++;
        this.#byAddress.set(address, this.admittedFrom(address) + 1);
    }
    release(address) {
        this.#admitted--;
        const left = this.admittedFrom(address) - 1;
        if (left > 0)
            this.#byAddress.set(address, left);
        else
            this.#byAddress.delete(address);
    }
    get admitted() {
        return this.#admitted;
    }
    admittedFrom(address) {
        return this.#byAddress.get(address) ?? 0;
    }
    add(connection) {
        this.#byNumber.set(connection.number, connection);
        this.#anonymous.add(connection);
    }
    loggedIn(connection) {
        this.#anonymous.delete(connection);
    }
    remove(connection) {
        this.#byNumber.delete(connection.number);
        this.#anonymous.delete(connection);
    }
    get(number) {
        return this.#byNumber.get(number);
    }
    all() {
        return [...this.#byNumber.values()];
    }
    get size() {
        return this.#byNumber.size;
    }
    counts() {
        const authenticating = this.#anonymous.size;
        return { authenticating, authenticated: this.#byNumber.size - authenticating };
    }
    /** Closes those that have not logged in within `timeoutMs`. @param now by `performance.now()` */
    closeLoitering(now, timeoutMs) {
        for (const connection of this.#anonymous) {
            if (connection.openedAt + timeoutMs > now)
                break;
            connection.close(closeCodes.policy);
        }
    }
}
//# sourceMappingURL=connections.js.map