/** `logins`: how fast new guests get in, each with a new account. */
import type { Target } from "../cluster.ts";
import { inParallel, logIn } from "../guest.ts";
import { createHistogram, type Latencies, type Report, recordMs, round, summarize } from "../report.ts";

/** What the command line says about it. */
export interface LoginsOptions {
  connections: number;
  /** No login starts later than this. */
  seconds: number;
  atOnce: number;
  progress: (line: string) => void;
}

/** Runs it against a cluster. */
export async function runLogins(target: Target, options: LoginsOptions): Promise<Report> {
  const { connections, seconds, atOnce, progress } = options;
  progress(`logging up to ${connections} guests in, ${atOnce} at once`);
  const open = createHistogram();
  const authenticate = createHistogram();
  const failures = new Map<string, number>();
  const begun = performance.now();
  const guests = await inParallel(
    connections,
    atOnce,
    (index) =>
      logIn(target.urls[index % target.urls.length]!, undefined, ({ openMs, authenticateMs }) => {
        recordMs(open, openMs);
        recordMs(authenticate, authenticateMs);
      }).catch((error: Error) => {
        failures.set(error.message, (failures.get(error.message) ?? 0) + 1);
        return null;
      }),
    () => performance.now() - begun > seconds * 1000,
  );
  const tookSeconds = (performance.now() - begun) / 1000;
  const lost = guests.filter((guest) => guest !== null && guest.closed !== null);
  for (const guest of guests) guest?.connection.close();

  const broken = [...failures].map(([what, times]) => `${what} (${times} times)`);
  if (lost.length > 0) broken.push(`${lost.length} connections did not last: ${lost[0]!.closed}`);
  const figures = {
    loggedIn: authenticate.totalCount,
    seconds: round(tookSeconds),
    perSecond: Math.round(authenticate.totalCount / tookSeconds),
    open: summarize(open),
    authenticate: summarize(authenticate),
  };
  if (figures.loggedIn === 0) broken.push("nobody got in");
  const row = (name: string, { count, p50, p95, p99, max }: Latencies) => [name, count, p50, p95, p99, max];
  return {
    scenario: `logins, ${figures.perSecond}/s over ${figures.seconds} s`,
    columns: ["", "count", "p50 ms", "p95 ms", "p99 ms", "max ms"],
    rows: [row("upgrade", figures.open), row("authenticate", figures.authenticate)],
    figures,
    broken,
  };
}
