/**
 * What a connection may send that no worker sees: pings, pongs, and commands that are refused as too many. Each is
 * answered here and there costs next to nothing; a client that sends them as fast as it can would keep this process
 * from everybody else.
 */
import { RateLimit } from "./rate-limit.js";
/** Weight a second, and at once: far more than any client sends that waits for answers, and 20 ms of reading. */
const RATE = 1_000;
const BURST = 10_000;
/** Up to this length a frame weighs 1, whatever is in it. */
const SHORT = 128;
const CHARACTERS = 2_048;
/**
 * What a command may weigh that counts as one: 200 keys, or 2,000 values, or 200 KB of text. With five times as much,
 * five connections that stayed within `FOYER_RATE` kept a gateway busy.
 */
const WEIGHT_OF_A_COMMAND = 100;
/** Counts for one connection. */
export class FloodLimit {
    #rate;
    /** @param now by `performance.now()` */
    constructor(now) {
        this.#rate = new RateLimit(RATE, BURST, now);
    }
    /** Counts something of this weight. @returns whether it is too much */
    isTooMuch(weight, now) {
        return this.#rate.take(now, weight) > 0;
    }
}
/**
 * About how long a frame takes to read, as a multiple of the 2 µs of a short one: 64 KiB of one text take 30 µs, of
 * nested arrays 3 ms, of different keys 7 ms.
 */
export function weightOf(text) {
    if (text.length <= SHORT)
        return 1;
    let twentieths = 0;
    for (let i = 0; i < text.length; i++) {
        switch (text.charCodeAt(i)) {
            case 0x3a: // a colon: a key
                twentieths += 10;
                break;
            case 0x2c: // a comma: a value
            case 0x5b: // an array
            case 0x7b: // an object
                twentieths++;
        }
    }
    return 1 + Math.floor(text.length / CHARACTERS + twentieths / 20);
}
/** As how many commands one of this weight counts: as one, unless somebody made it to be read as slowly as can be. */
export function commandsOf(weight) {
    return 1 + Math.floor(weight / WEIGHT_OF_A_COMMAND);
}
//# sourceMappingURL=flood.js.map