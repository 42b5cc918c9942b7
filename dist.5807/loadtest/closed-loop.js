import { createHistogram, recordMs, summarize } from "./report.js";
/** How long an answer that is outstanding at the end may take. */
const DRAIN_MS = 12_000;
const LOOK_EVERY_MS = 20;
/** Runs it: warm up, measure, then wait for what is outstanding. */
export async function runClosedLoop(loop) {
    const { connections, frame, judge } = loop;
    const histogram = createHistogram();
    const failures = new Map();
    const count = (what) => failures.set(what, (failures.get(what) ?? 0) + 1);
    const sentAt = new Float64Array(connections.length);
    const number = new Uint32Array(connections.length);
    let outstanding = 0;
    let measuring = false;
    let sending = true;
    const send = (index) => {
        outstanding++;
        const n = ++number[index];
        sentAt[index] = performance.now();
        connections[index].send(frame(index, n));
    };
    const onCloseBefore = connections.map(({ onClose }) => onClose);
    for (const [index, connection] of connections.entries()) {
        connection.onMessage = (text) => {
            const verdict = judge(index, number[index], text);
            if (verdict === null)
                return;
            outstanding--;
            if (verdict !== true)
                count(verdict);
            else if (measuring)
                recordMs(histogram, performance.now() - sentAt[index]);
            if (sending)
                send(index);
        };
        connection.onClose = (code, reason) => {
            onCloseBefore[index](code, reason);
            outstanding--;
            count(`connection closed with ${code} ${reason}`.trimEnd());
        };
        send(index);
    }
    await pauseFor(loop.warmUpMs);
    measuring = true;
    const begun = performance.now();
    const cpu = process.cpuUsage();
    await pauseFor(loop.measureMs);
    measuring = false;
    const seconds = (performance.now() - begun) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    sending = false;
    const end = performance.now() + DRAIN_MS;
    while (outstanding > 0 && performance.now() < end)
        await pauseFor(LOOK_EVERY_MS);
    if (outstanding > 0)
        failures.set("never answered", outstanding);
    for (const [index, connection] of connections.entries()) {
        connection.onMessage = () => { };
        connection.onClose = onCloseBefore[index];
    }
    return {
        rate: histogram.totalCount / seconds,
        latencies: summarize(histogram),
        generatorCpu: (user + system) / 1e6 / seconds,
        failures,
    };
}
function pauseFor(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}
//# sourceMappingURL=closed-loop.js.map