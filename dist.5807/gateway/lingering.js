/**
 * Connections that are closed while their clients still have to take what was sent before: uWebSockets keeps them,
 * uncounted, until that is taken or 20 seconds are over. A client that never reads could leave any number of
 * them behind.
 */
/** Bytes that may be kept for all of them together. */
const MAX_BYTES = 64 * 1024 * 1024;
const KEPT_MS = 20_000;
export class Lingering {
    #bytes = 0;
    /** Whether a connection may linger on with so many bytes unsent; else it has to be cut. */
    admits(bytes) {
        if (bytes === 0)
            return true;
        if (this.#bytes + bytes > MAX_BYTES)
            return false;
        this.#bytes += bytes;
        setTimeout(() => {
            this.#bytes -= bytes;
        }, KEPT_MS).unref();
        return true;
    }
}
//# sourceMappingURL=lingering.js.map