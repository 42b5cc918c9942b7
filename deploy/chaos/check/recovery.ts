/** The rule about recovery: some command of every gateway succeeds within 5 s of a fault's end. */
import type { FaultTimes, HistoryEvent } from "../history.ts";
import { LOYAL } from "../load/client.ts";
import type { Violation } from "./account.ts";

/** What is promised. */
const RECOVERY_MS = 5_000;

/** How long it took after one fault. */
export interface Recovery {
  label: string;
  /** Until the last gateway had a success; null where another fault came too soon to say. */
  gatewaysMs: number | null;
  /** Until the last client that may take another gateway had one, those of accounts that were banned left out. */
  clientsMs: number | null;
}

/** @param end when the load ended */
export function measureRecovery(
  events: readonly HistoryEvent[],
  faults: readonly FaultTimes[],
  gateways: readonly string[],
  end: number,
): Recovery[] {
  const gatewayOf = new Map<number, string>();
  const clientOf = new Map<number, string>();
  const banned = new Set(events.filter(({ kind }) => kind === "banned").map(({ account }) => account));
  for (const event of events) {
    if (event.kind !== "opened") continue;
    gatewayOf.set(event.connection, event.gateway);
    if (!banned.has(event.account) && event.client !== LOYAL)
      clientOf.set(event.connection, `${event.account}.${event.client}`);
  }
  const successes = events.filter((event) => event.kind === "answered" && event.outcome === "success");
  const clients = new Set(clientOf.values());
  return faults.map((fault) => {
    const until = fault.to + RECOVERY_MS;
    const isDisturbed = faults.some((other) => other !== fault && other.from < until && other.to > fault.to);
    if (isDisturbed || until > end) return { label: fault.label, gatewaysMs: null, clientsMs: null };
    const after = successes.filter(({ at }) => at > fault.to);
    const slowest = (names: Iterable<string>, of: (event: HistoryEvent) => string | undefined) => {
      const firsts = [...names].map((name) => after.find((event) => of(event) === name)?.at);
      return Math.max(0, ...firsts.map((at) => (at ?? Number.POSITIVE_INFINITY) - fault.to));
    };
    return {
      label: fault.label,
      gatewaysMs: slowest(gateways, ({ connection }) => gatewayOf.get(connection)),
      clientsMs: slowest(clients, ({ connection }) => clientOf.get(connection)),
    };
  });
}

export function checkRecovery(recoveries: readonly Recovery[]): Violation[] {
  return recoveries.flatMap(({ label, gatewaysMs }) => {
    if (gatewaysMs === null || gatewaysMs <= RECOVERY_MS) return [];
    const took = Number.isFinite(gatewaysMs) ? `after ${(gatewaysMs / 1_000).toFixed(1)} s` : "not at all";
    const message = `after "${label}" a gateway had its first success ${took}`;
    return [{ rule: "recovery within 5 s", account: "", message, events: [] }];
  });
}
