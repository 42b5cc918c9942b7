import { closeCodes } from "../shared/protocol/close-codes.js";
import { sweepYoung } from "../shared/sweep-young.js";
/** A client that takes nothing for so long is closed, and a worker that sends nothing is given up. */
const STALLED_MS = 10_000;
/** What is left of an answer whose connection is to end: its client can be told nothing before it has all of it. */
const LAST_MS = 30_000;
/** What the worker was told it is told again, should it not have heard. */
const REPEAT_MS = 1_000;
/** Those of one gateway. */
export class BigAnswers {
    #acknowledge;
    #open = new Set();
    constructor(acknowledge) {
        this.#acknowledge = acknowledge;
    }
    /** Opens a message. @param giveUp called with a close code when nothing moves any more */
    begin(link, run, giveUp) {
        const answer = new BigAnswer(link, run, this.#acknowledge, giveUp);
        this.#open.add(answer);
        return answer;
    }
    /** It is complete. */
    end(answer) {
        this.#open.delete(answer);
    }
    /** Nobody is there for this run any more. */
    stop(run, answer) {
        if (answer !== undefined)
            this.#open.delete(answer);
        this.#acknowledge(run, -1);
    }
    /** @param now by `performance.now()` */
    sweep(now) {
        for (const answer of this.#open)
            answer.look(now);
    }
}
/** A message that is open on one connection. */
export class BigAnswer {
    run;
    #link;
    #acknowledge;
    #giveUp;
    /** Parts handed to the link, and how many of them the worker knows to be gone. */
    #parts = 0;
    #taken = 0;
    #movedAt = performance.now();
    #saidAt = 0;
    #held = [];
    #heldBytes = 0;
    #last = null;
    constructor(link, run, acknowledge, giveUp) {
        this.#link = link;
        this.run = run;
        this.#acknowledge = acknowledge;
        this.#giveUp = giveUp;
    }
    /** Sends the next part. @returns false when it is not the next one: the message cannot be completed */
    take({ run, number, last, bytes }) {
        // A reply can come twice.
        if (run === this.run && number < this.#parts)
            return true;
        if (run !== this.run || number > this.#parts)
            return false;
        if (this.#taken === this.#parts)
            this.#movedAt = performance.now();
        this.#parts++;
        const handedOver = number === 0
            ? this.#link.sendFirstFragment(bytes, false, false)
            : last
                ? this.#link.sendLastFragment(bytes, false)
                : this.#link.sendFragment(bytes, false);
        sweepYoung(bytes.length);
        if (handedOver === 1)
            this.#allTaken();
        return true;
    }
    /** Gives it up if it is not complete soon. @param code what the connection is closed with then */
    endSoon(code) {
        this.#last = { code, by: performance.now() + LAST_MS };
    }
    /** Keeps a frame for afterwards. @returns the bytes that wait for the client now */
    hold(frame, kind) {
        this.#held.push({ frame, kind });
        this.#heldBytes += Buffer.byteLength(frame);
        return this.#heldBytes + this.#link.getBufferedAmount();
    }
    /** What was kept. */
    held() {
        return this.#held;
    }
    /** Something went out of the link's buffer. */
    drained() {
        if (this.#taken < this.#parts && this.#link.getBufferedAmount() === 0)
            this.#allTaken();
    }
    /** Looks whether it still moves. @param now by `performance.now()` */
    look(now) {
        const waitsForClient = this.#taken < this.#parts;
        if (this.#last !== null && now > this.#last.by)
            this.#giveUp(this.#last.code);
        else if (now - this.#movedAt > STALLED_MS)
            this.#giveUp(waitsForClient ? closeCodes.slow : closeCodes.restart);
        else if (!waitsForClient && now - this.#saidAt > REPEAT_MS)
            this.#say(now);
    }
    #allTaken() {
        this.#taken = this.#parts;
        this.#movedAt = performance.now();
        this.#say(this.#movedAt);
    }
    #say(now) {
        this.#saidAt = now;
        this.#acknowledge(this.run, this.#taken);
    }
}
//# sourceMappingURL=big-answer.js.map