/** Listens for the canary, which proves that publish/subscribe delivers end to end (docs/architecture.md). */
import { nextTurn } from "../shared/backoff.ts";
import type { Logger } from "../shared/log.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { Subscriptions } from "../shared/redis/subscriptions.ts";
import type { GatewayMetrics } from "./metrics.ts";

/** Past this the link may be dead although it looks well: a new one is made. */
const RECONNECT_AFTER_S = 5;
/** Past this the gateway is not ready (docs/operations.md). */
const SILENT_AFTER_S = 15;
const LOOK_EVERY_MS = 500;

/** What is known of it. */
export interface Canary {
  /** Seconds since it was heard, on the server that has been silent longest; infinite before the first time. */
  ageSeconds(): number;
  isSilent(): boolean;
}

interface CanaryOptions {
  subscriptions: Subscriptions;
  keys: Keys;
  metrics: Pick<GatewayMetrics, "unreadable">;
  log: Logger;
  signal: AbortSignal;
}

/** The canary of one server. */
interface Heard {
  at: number;
  linkedAt: number;
  /** Seconds of silence until the link is made anew. */
  wait: number;
}

/** Listens until `signal` aborts. */
export function listenForCanary({ subscriptions, keys, metrics, log, signal }: CanaryOptions): Canary {
  const channels = new Map<string, Heard>();
  const since = (at: number) => (performance.now() - at) / 1000;

  /** Listens on each server that there is now; those of a Cluster come and go. */
  const follow = () => {
    const names = new Set(subscriptions.shards().map((slot) => keys.canaryChannel(slot)));
    for (const name of channels.keys()) {
      if (names.has(name)) continue;
      channels.delete(name);
      subscriptions.drop(name);
    }
    for (const name of names) {
      if (channels.has(name)) continue;
      const heard = { at: Number.NEGATIVE_INFINITY, linkedAt: performance.now(), wait: RECONNECT_AFTER_S };
      channels.set(name, heard);
      subscriptions.add(name, {
        onMessage: (sentAt) => {
          // What is no worker's proves nothing of workers.
          if (isTime(sentAt)) heard.at = performance.now();
          else metrics.unreadable.inc({ kind: "canary" });
        },
      });
    }
  };
  const look = (name: string, heard: Heard) => {
    if (since(heard.at) < RECONNECT_AFTER_S) heard.wait = RECONNECT_AFTER_S;
    if (since(Math.max(heard.at, heard.linkedAt)) < heard.wait) return;
    if (subscriptions.isConnected()) {
      log.warn({ ageSeconds: Math.round(since(heard.at)) }, "no canary: subscribing over a new link");
      subscriptions.reconnect(name);
    }
    heard.linkedAt = performance.now();
    // No worker may be alive: then no new link helps, and each costs a resync.
    heard.wait = Math.min(heard.wait * 2, 60);
  };
  const watch = async () => {
    for (; !signal.aborted; await nextTurn(LOOK_EVERY_MS, signal)) {
      follow();
      for (const [name, heard] of channels) look(name, heard);
    }
  };
  void watch();
  const ageSeconds = () =>
    since(Math.min(Number.POSITIVE_INFINITY, ...[...channels.values()].map(({ at }) => at)));
  return {
    // Where no server is known yet, none was heard.
    ageSeconds: () => (channels.size === 0 ? Number.POSITIVE_INFINITY : ageSeconds()),
    isSilent: () => channels.size === 0 || ageSeconds() > SILENT_AFTER_S,
  };
}

function isTime(message: Buffer): boolean {
  return message.length < 20 && /^\d+$/.test(message.toString());
}
