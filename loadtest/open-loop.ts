/**
 * Open-loop load: frames go out at a steady rate, whether or not those before them are answered. Times count from
 * when each was due: a stall of whoever sends is not left out.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Histogram } from "hdr-histogram-js";
import type { Connection } from "./frame-client.ts";
import { createHistogram, recordMs } from "./report.ts";

/** What is sent. */
export interface OpenLoop {
  connections: readonly Connection[];
  /** The frame number `n` of the connection at `index`; its answer carries `n` as its id. */
  frame(index: number, n: number): string;
  /** Frames a second, over all connections. */
  rate: number;
  seconds: number;
  /** How long answers are waited for after the last frame. */
  graceMs: number;
}

/** What came back. */
export interface OpenLoopResult {
  sent: number;
  /** Seconds in which frames went out. */
  seconds: number;
  /** Times from frame to answer by outcome: `success` or the error's code. */
  outcomes: Map<string, Histogram>;
  unanswered: number;
  closed: number;
}

const TICK_MS = 5;
const LOOK_EVERY_MS = 20;

/** Runs it. */
export async function runOpenLoop(loop: OpenLoop): Promise<OpenLoopResult> {
  const { connections, rate, seconds } = loop;
  const outcomes = new Map<string, Histogram>();
  const sentAt = connections.map(() => new Map<number, number>());
  let outstanding = 0;
  let closed = 0;
  for (const [index, connection] of connections.entries()) {
    const { onClose } = connection;
    connection.onMessage = (text) => {
      const answer = readAnswer(text);
      const at = answer && sentAt[index]!.get(answer.id);
      if (answer === null || at == null) return;
      sentAt[index]!.delete(answer.id);
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
    while (sent < due) {
      const index = sent % connections.length;
      sentAt[index]!.set(sent + 1, began + (sent * 1000) / rate);
      const n = ++sent;
      outstanding++;
      connections[index]!.send(loop.frame(index, n));
    }
    await sleep(TICK_MS);
  }
  const took = (performance.now() - began) / 1000;
  const end = performance.now() + loop.graceMs;
  while (outstanding > 0 && performance.now() < end) await sleep(LOOK_EVERY_MS);
  return { sent, seconds: took, outcomes, unanswered: outstanding, closed };
}

/** Reads as little of a frame as tells what it answers, and how: parsing all of it would be the bottleneck. */
function readAnswer(text: string): { id: number; outcome: string } | null {
  if (text.startsWith('["success",')) return { id: Number.parseInt(text.slice(11), 10), outcome: "success" };
  if (!text.startsWith('["error",')) return null;
  const id = Number.parseInt(text.slice(9), 10);
  const outcome = /"code":"([^"]*)"/.exec(text)?.[1] ?? "unknown";
  return Number.isNaN(id) ? null : { id, outcome };
}
