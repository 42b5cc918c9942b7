/**
 * Where the tests of hostile clients take place: a cluster that logs all it can, and somebody who uses each gateway
 * as one should, all the while. At the end no node is gone, large or was held up, and the log is clean.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Test } from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster, type TestNode } from "../../shared/testing/cluster.ts";
import { faultOf } from "../../shared/testing/log-lines.ts";

/** The slowest answer to somebody who does no harm: half of what the protocol allows before `server.timeout`. */
const SLOWEST_MS = 5_000;

/** A node that does nothing has 70 to 100 MB. */
const LARGEST_MB = 350;

const PAUSE_MS = 20;
const LOOK_EVERY_MS = 100;

/** What attackers write where a log line could pick it up. Broken in two, if somebody splits lines at it. */
export const MARK = "attacker-was-here";

interface StandOptions {
  worlds: object[];
  environment?: Record<string, string>;
  gateways?: number;
}

/** Starts it; what it watches is checked when `t` ends. */
export async function startStand(t: Test, options: StandOptions) {
  const lines: string[] = [];
  const secrets = new Set([MARK]);
  const cluster = await startTestCluster(t, {
    gateways: options.gateways ?? 2,
    workers: 2,
    worlds: options.worlds,
    environment: { FOYER_LOG_LEVEL: "trace", ...options.environment },
    onLine: (line) => void lines.push(line),
  });
  const nodes: TestNode[] = [...cluster.gateways, ...cluster.workers];
  const watch = watchMemory(nodes);
  const users = await Promise.all(cluster.gateways.map((gateway) => useWell(gateway.world("w"))));

  return {
    ...cluster,
    lines,
    /** Says that this must never be in the log. */
    secret<T extends string>(text: T): T {
      secrets.add(text);
      return text;
    },
    /** Ends watching, and says in `t` whether all was well. */
    async check(t: Test): Promise<void> {
      for (const user of users) {
        const { answers, slowestMs, failure } = await user.end();
        t.equal(failure, null, "whoever does no harm is served");
        t.ok(answers > 0 && slowestMs < SLOWEST_MS, `${answers} answers, the slowest in ${slowestMs} ms`);
      }
      const largest = watch.end();
      t.ok(largest < LARGEST_MB, `no node had more than ${largest} MB`);
      for (const node of nodes) t.equal(node.process.exitCode ?? node.process.signalCode, null, node.id);
      t.strictSame(faultsOf(lines, secrets), []);
    },
  };
}

/** A client that asks, waits for the answer, and asks again. */
async function useWell(url: string) {
  const client = await connectClient(url);
  const { "user.config": me } = await client.logIn({ client_id: randomUUID() });
  let answers = 0;
  let slowestMs = 0;
  let failure: string | null = null;
  let isOver = false;
  const work = (async () => {
    while (!isOver) {
      const started = performance.now();
      const { ok, body } = await client.ask("user.fetch", { id: me.id });
      if (!ok || body.id !== me.id) throw new Error(JSON.stringify(body));
      slowestMs = Math.max(slowestMs, Math.round(performance.now() - started));
      answers++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  })().catch((error: Error) => {
    failure = error.message;
  });
  return {
    async end() {
      isOver = true;
      await work;
      client.end();
      return { answers, slowestMs, failure };
    },
  };
}

/** Looks at what memory nodes hold. */
function watchMemory(nodes: readonly TestNode[]) {
  let largestMb = 0;
  const look = () => {
    for (const { pid } of nodes) largestMb = Math.max(largestMb, residentMb(pid));
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    end(): number {
      clearInterval(timer);
      look();
      return largestMb;
    },
  };
}

/** Where there is no /proc, as on macOS, nothing is known. */
function residentMb(pid: number): number {
  try {
    const [, kilobytes = "0"] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Math.round(Number(kilobytes) / 1024);
  } catch {
    // The process is gone, which is noticed elsewhere.
    return 0;
  }
}

/** Lines that are not what the table of events says, or tell what they should not. */
function faultsOf(lines: readonly string[], secrets: ReadonlySet<string>): string[] {
  return lines.filter((line) => {
    const tells = [...secrets].some((secret) => line.includes(secret));
    return tells || faultOf(line) !== null;
  });
}
