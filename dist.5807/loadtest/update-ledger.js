/**
 * The books of one user who updates its profile on one connection and watches it on another: pure, so that what
 * counts as a broken promise can be tested without a cluster. Times are ms.
 */
/** An empty one. */
export function createLedger() {
    return { sent: 0, acknowledged: 0, underWay: null, awaited: new Map(), seen: 0, resent: new Set() };
}
/** The next update goes out; returns its number. */
export function noteSent(ledger, now) {
    ledger.sent++;
    ledger.underWay = { firstSentAt: now, lastSentAt: now };
    ledger.awaited.set(ledger.sent, now);
    return ledger.sent;
}
/** The one under way goes out again. */
export function noteResent(ledger, now) {
    ledger.resent.add(ledger.sent);
    ledger.underWay.lastSentAt = now;
}
/** It was answered with success; returns how long that took. */
export function noteAcknowledged(ledger, now) {
    const { firstSentAt } = ledger.underWay;
    ledger.acknowledged = ledger.sent;
    ledger.underWay = null;
    return now - firstSentAt;
}
/** A broadcast arrived on the watching connection: how long it took, or what is wrong with it. */
export function noteBroadcast(ledger, n, now) {
    if (typeof n !== "number" || n > ledger.sent)
        return "user.updated shows a state that nobody wrote";
    if (n === ledger.seen)
        return "user.updated came twice for one update";
    if (n < ledger.seen)
        return "user.updated with an older state came after a newer one";
    ledger.seen = n;
    const sentAt = ledger.awaited.get(n);
    ledger.awaited.delete(n);
    return now - sentAt;
}
/** Whether nothing is outstanding: no answer, and no broadcast that must come. */
export function isSettled(ledger) {
    return ledger.underWay === null && missing(ledger).length === 0;
}
/**
 * Updates whose broadcast must come and hasn't. One that was sent again is excused once a newer state was seen: the
 * newer one may overtake the first attempt's broadcast, which then is never delivered.
 */
export function missing({ awaited, resent, seen }) {
    return [...awaited.keys()].filter((n) => !(resent.has(n) && n < seen));
}
//# sourceMappingURL=update-ledger.js.map