import { createHistogram, recordMs } from "../report.js";
import { noteAcknowledged, noteBroadcast, noteResent, noteSent, } from "../update-ledger.js";
/** A command is answered within 10 s, if only with server.timeout; the rest is what timers and a busy machine add. */
const ANSWER_MS = 10_000 + 1_000;
/** @param expectsTimeouts whether server.timeout is to be expected (a worker gets killed), or breaks a promise */
export function createBook(expectsTimeouts) {
    const failures = new Map();
    return {
        expectsTimeouts,
        answers: createHistogram(),
        fanOut: createHistogram(),
        failures,
        fail: (what) => void failures.set(what, (failures.get(what) ?? 0) + 1),
        notes: [],
        sent: 0,
        resent: 0,
        lastResentAt: 0,
    };
}
/** Sends the user's next update. */
export function sendUpdate(book, user) {
    book.sent++;
    write(user, noteSent(user.ledger, performance.now()));
}
function write({ index, sender }, n) {
    sender.connection.send(`["user.update",${n},{"profile":{"display_name":"Load ${index}","n":${n}}}]`);
}
/** Takes over the handlers of both connections. */
export function watchUser(book, user) {
    const { sender, watcher, ledger } = user;
    for (const { connection } of [sender, watcher]) {
        const { onClose } = connection;
        connection.onClose = (code, reason) => {
            onClose(code, reason);
            book.fail(`a connection was closed with ${code} ${reason}`.trimEnd());
        };
    }
    sender.connection.onMessage = (text) => {
        const [action, id, error] = JSON.parse(text);
        if (action === "user.updated")
            return book.fail("user.updated came to the connection that caused it");
        if (action !== "success" && action !== "error")
            return;
        if (id !== ledger.sent || ledger.underWay === null) {
            return book.fail(`an answer to no command under way: ${text.slice(0, 120)}`);
        }
        takeAnswer(book, user, action === "success" ? null : error?.code);
    };
    watcher.connection.onMessage = (text) => {
        const [action, body] = JSON.parse(text);
        if (action === "error")
            return book.fail(`the watching connection got ${text.slice(0, 120)}`);
        if (action !== "user.updated")
            return;
        if (body.id !== watcher.user)
            return book.fail("user.updated came to another user");
        const outcome = noteBroadcast(ledger, body.profile?.n, performance.now());
        if (typeof outcome === "number")
            recordMs(book.fanOut, outcome);
        else
            book.fail(outcome);
    };
}
function takeAnswer(book, user, code) {
    const { ledger } = user;
    const now = performance.now();
    if (now - ledger.underWay.lastSentAt > ANSWER_MS)
        book.fail("a command was unanswered for more than 10 s");
    if (code === null)
        return recordMs(book.answers, noteAcknowledged(ledger, now));
    if (code === "server.timeout") {
        if (!book.expectsTimeouts)
            book.fail("an update was answered with server.timeout");
        book.resent++;
        book.lastResentAt = now;
        noteResent(ledger, now);
        return write(user, ledger.sent);
    }
    book.fail(`an update was answered with ${code}`);
    // Refused: it took no effect, so its number is free again.
    ledger.awaited.delete(ledger.sent--);
    ledger.underWay = null;
}
//# sourceMappingURL=updating-user.js.map