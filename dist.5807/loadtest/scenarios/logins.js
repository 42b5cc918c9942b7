import { inParallel, logIn } from "../guest.js";
import { createHistogram, recordMs, round, summarize } from "../report.js";
/** Runs it against a cluster. */
export async function runLogins(target, options) {
    const { connections, seconds, atOnce, progress } = options;
    progress(`logging up to ${connections} guests in, ${atOnce} at once`);
    const open = createHistogram();
    const authenticate = createHistogram();
    const failures = new Map();
    const begun = performance.now();
    const guests = await inParallel(connections, atOnce, (index) => logIn(target.urls[index % target.urls.length], undefined, ({ openMs, authenticateMs }) => {
        recordMs(open, openMs);
        recordMs(authenticate, authenticateMs);
    }).catch((error) => {
        failures.set(error.message, (failures.get(error.message) ?? 0) + 1);
        return null;
    }), () => performance.now() - begun > seconds * 1000);
    const tookSeconds = (performance.now() - begun) / 1000;
    const lost = guests.filter((guest) => guest !== null && guest.closed !== null);
    for (const guest of guests)
        guest?.connection.close();
    const broken = [...failures].map(([what, times]) => `${what} (${times} times)`);
    if (lost.length > 0)
        broken.push(`${lost.length} connections did not last: ${lost[0].closed}`);
    const figures = {
        loggedIn: authenticate.totalCount,
        seconds: round(tookSeconds),
        perSecond: Math.round(authenticate.totalCount / tookSeconds),
        open: summarize(open),
        authenticate: summarize(authenticate),
    };
    if (figures.loggedIn === 0)
        broken.push("nobody got in");
    const row = (name, { count, p50, p95, p99, max }) => [name, count, p50, p95, p99, max];
    return {
        scenario: `logins, ${figures.perSecond}/s over ${figures.seconds} s`,
        columns: ["", "count", "p50 ms", "p95 ms", "p99 ms", "max ms"],
        rows: [row("upgrade", figures.open), row("authenticate", figures.authenticate)],
        figures,
        broken,
    };
}
//# sourceMappingURL=logins.js.map