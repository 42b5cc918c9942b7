/**
 * `fetch`: how many user.fetch a second the cluster answers, as a share of what a bare echo server does on the same
 * machine with the same generator. The two take turns, so that whatever else the machine does hits both.
 */
import { type ClosedLoop, type LoopResult, runClosedLoop } from "../closed-loop.ts";
import type { Target } from "../cluster.ts";
import { connectToEcho, startEchoServer } from "../echo.ts";
import type { Connection } from "../frame-client.ts";
import { ask, type Guest, inParallel, logIn } from "../guest.ts";
import { median, type Report, round } from "../report.ts";

/** What the command line says about it. */
export interface FetchOptions {
  connections: number;
  /** Measured seconds of each round. */
  seconds: number;
  warmUpSeconds: number;
  rounds: number;
  atOnce: number;
  minRatio: number;
  progress: (line: string) => void;
}

/** Runs it against a cluster. */
export async function runFetch(target: Target, options: FetchOptions): Promise<Report> {
  const { connections, atOnce, progress } = options;
  progress(`logging ${connections} guests in`);
  const guests = await inParallel(connections, atOnce, (i) => logIn(target.urls[i % target.urls.length]!));
  const answer = JSON.stringify(["success", 1, await ask(guests[0]!, "user.fetch", { id: guests[0]!.user })]);
  const echo = await startEchoServer();
  try {
    const echoConnections = await connectToEcho(echo, connections, atOnce);
    const results = { echo: [] as LoopResult[], foyer: [] as LoopResult[] };
    for (let turn = 1; turn <= options.rounds; turn++) {
      for (const side of ["echo", "foyer"] as const) {
        const loop =
          side === "echo" ? echoLoop(echoConnections, answer, options) : fetchLoop(guests, options);
        const result = await runClosedLoop(loop);
        results[side].push(result);
        progress(`round ${turn}, ${side}: ${Math.round(result.rate)}/s, p99 ${result.latencies.p99} ms`);
      }
    }
    for (const connection of echoConnections) connection.close();
    return createReport(results, guests, Buffer.byteLength(answer), options);
  } finally {
    for (const { connection } of guests) connection.close();
    await echo.stop();
  }
}

/** Frames of a fetch's size there and back. */
export function echoLoop(
  connections: Connection[],
  frame: string,
  { warmUpSeconds, seconds }: Pick<FetchOptions, "warmUpSeconds" | "seconds">,
): ClosedLoop {
  return {
    connections,
    frame: () => frame,
    judge: (_index, _n, text) => text === frame || "an echo that differs",
    warmUpMs: warmUpSeconds * 1000,
    measureMs: seconds * 1000,
  };
}

function fetchLoop(guests: Guest[], { warmUpSeconds, seconds }: FetchOptions): ClosedLoop {
  const payloads = guests.map(({ user }) => JSON.stringify({ id: user }));
  return {
    connections: guests.map(({ connection }) => connection),
    frame: (index, n) => `["user.fetch",${n},${payloads[index]}]`,
    // Parsing every answer would make the generator the bottleneck; the start of it says all that matters here.
    judge: (index, n, text) => {
      if (text.startsWith(`["success",${n},{`))
        return text.includes(guests[index]!.user) || "another user's object";
      if (text.startsWith(`["error",`))
        return `answered with ${text.slice(0, 120).replace(/^(\["error",)\d+,/, "$1…,")}`;
      return text.startsWith(`["success",`) ? "the answer to another command" : null;
    },
    warmUpMs: warmUpSeconds * 1000,
    measureMs: seconds * 1000,
  };
}

function createReport(
  results: { echo: LoopResult[]; foyer: LoopResult[] },
  guests: Guest[],
  frameBytes: number,
  { connections, minRatio, rounds, seconds }: FetchOptions,
): Report {
  const broken = [...results.echo, ...results.foyer].flatMap(({ failures }) =>
    [...failures].map(([what, times]) => `${what} (${times} times)`),
  );
  const lost = guests.find(({ closed }) => closed !== null);
  if (lost) broken.push(`a guest's connection did not last: ${lost.closed}`);
  const sides = Object.fromEntries(
    Object.entries(results).map(([side, list]) => [side, medians(list)] as const),
  ) as Record<"echo" | "foyer", ReturnType<typeof medians>>;
  const ratio = round(sides.foyer.perSecond / sides.echo.perSecond);
  if (!(ratio >= minRatio)) broken.push(`foyer/echo is ${ratio}, below --min-ratio ${minRatio}`);
  const rows = Object.entries(sides).map(([side, m]) => [
    `${side} (median of ${rounds})`,
    m.perSecond,
    m.p50,
    m.p95,
    m.p99,
    m.generatorCpu,
  ]);
  return {
    scenario: "fetch",
    columns: ["", "answers/s", "p50 ms", "p95 ms", "p99 ms", "generator cpu"],
    rows: [...rows, ["foyer/echo", ratio, "", "", "", ""]],
    figures: { connections, seconds, frameBytes, ...sides, ratio, rounds: results },
    broken,
  };
}

function medians(results: LoopResult[]) {
  const of = (figure: (result: LoopResult) => number) => round(median(results.map(figure)));
  return {
    perSecond: Math.round(of(({ rate }) => rate)),
    p50: of(({ latencies }) => latencies.p50),
    p95: of(({ latencies }) => latencies.p95),
    p99: of(({ latencies }) => latencies.p99),
    generatorCpu: of(({ generatorCpu }) => generatorCpu),
  };
}
