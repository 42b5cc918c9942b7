/** Open-loop load: frames go out at a steady rate, whether or not those before them are answered. */
import { setTimeout as sleep } from "node:timers/promises";
import { createHistogram, recordMs } from "./report.js";
const TICK_MS = 5;
const LOOK_EVERY_MS = 20;
/** Runs it. */
export async function runOpenLoop(loop) {
    const { connections, rate, seconds } = loop;
    const outcomes = new Map();
    const sentAt = connections.map(() => new Map());
    let outstanding = 0;
    let closed = 0;
    for (const [index, connection] of connections.entries()) {
        const { onClose } = connection;
        connection.onMessage = (text) => {
            const answer = readAnswer(text);
            const at = answer && sentAt[index].get(answer.id);
            if (answer === null || at == null)
                return;
            sentAt[index].delete(answer.id);
            outstanding--;
            let histogram = outcomes.get(answer.outcome);
            if (histogram === undefined) {
                histogram = createHistogram();
                outcomes.set(answer.outcome, histogram);
            }
            recordMs(histogram, performance.now() - at);
        };
        connection.onClose = (code, reason) => {
            closed++;
            onClose(code, reason);
        };
    }
    const began = performance.now();
    const total = Math.round(rate * seconds);
    let sent = 0;
    while (sent < total && performance.now() - began < seconds * 1000) {
        const due = Math.min(total, Math.ceil(((performance.now() - began) / 1000) * rate));
        for (const now = performance.now(); sent < due;) {
            const index = sent % connections.length;
            const n = ++sent;
            sentAt[index].set(n, now);
            outstanding++;
            connections[index].send(loop.frame(index, n));
        }
        await sleep(TICK_MS);
    }
    const took = (performance.now() - began) / 1000;
    const end = performance.now() + loop.graceMs;
    while (outstanding > 0 && performance.now() < end)
        await sleep(LOOK_EVERY_MS);
    return { sent, seconds: took, outcomes, unanswered: outstanding, closed };
}
/** Reads as little of a frame as tells what it answers, and how: parsing all of it would be the bottleneck. */
function readAnswer(text) {
    if (text.startsWith('["success",'))
        return { id: Number.parseInt(text.slice(11), 10), outcome: "success" };
    if (!text.startsWith('["error",'))
        return null;
    const id = Number.parseInt(text.slice(9), 10);
    const outcome = /"code":"([^"]*)"/.exec(text)?.[1] ?? "unknown";
    return Number.isNaN(id) ? null : { id, outcome };
}
//# sourceMappingURL=open-loop.js.map