/** Closed-loop load: every connection has exactly one frame outstanding, and sends the next once it is answered. */
import type { Connection } from "./frame-client.ts";
import { createHistogram, type Latencies, recordMs, summarize } from "./report.ts";

/** What is sent on each connection, and what counts as its answer. */
export interface ClosedLoop {
  connections: readonly Connection[];
  /** The frame number `n` of the connection at `index`. */
  frame(index: number, n: number): string;
  /** Whether `text` answers it well (true), is no answer at all (null), or is what went wrong. */
  judge(index: number, n: number, text: string): true | null | string;
  warmUpMs: number;
  measureMs: number;
}

/** What one run of it found. */
export interface LoopResult {
  /** Answers a second while it was measured. */
  rate: number;
  latencies: Latencies;
  /** How much of one processor the generator itself took, 0 to 1: near 1 the figures are its own, not the server's. */
  generatorCpu: number;
  /** What went wrong, with how often. */
  failures: Map<string, number>;
}

/** How long an answer that is outstanding at the end may take. */
const DRAIN_MS = 12_000;
const LOOK_EVERY_MS = 20;

/** Runs it: warm up, measure, then wait for what is outstanding. */
export async function runClosedLoop(loop: ClosedLoop): Promise<LoopResult> {
  const { connections, frame, judge } = loop;
  const histogram = createHistogram();
  const failures = new Map<string, number>();
  const count = (what: string) => failures.set(what, (failures.get(what) ?? 0) + 1);
  const sentAt = new Float64Array(connections.length);
  const number = new Uint32Array(connections.length);
  let outstanding = 0;
  let measuring = false;
  let sending = true;

  const send = (index: number) => {
    outstanding++;
    const n = ++number[index]!;
    sentAt[index] = performance.now();
    connections[index]!.send(frame(index, n));
  };
  const onCloseBefore = connections.map(({ onClose }) => onClose);
  for (const [index, connection] of connections.entries()) {
    connection.onMessage = (text) => {
      const verdict = judge(index, number[index]!, text);
      if (verdict === null) return;
      outstanding--;
      if (verdict !== true) count(verdict);
      else if (measuring) recordMs(histogram, performance.now() - sentAt[index]!);
      if (sending) send(index);
    };
    connection.onClose = (code, reason) => {
      onCloseBefore[index]!(code, reason);
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
  while (outstanding > 0 && performance.now() < end) await pauseFor(LOOK_EVERY_MS);
  if (outstanding > 0) failures.set("never answered", outstanding);
  for (const [index, connection] of connections.entries()) {
    connection.onMessage = () => {};
    connection.onClose = onCloseBefore[index]!;
  }
  return {
    rate: histogram.totalCount / seconds,
    latencies: summarize(histogram),
    generatorCpu: (user + system) / 1e6 / seconds,
    failures,
  };
}

function pauseFor(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
