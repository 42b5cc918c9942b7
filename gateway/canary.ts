/** Listens for the canary, which proves that publish/subscribe delivers end to end (docs/architecture.md). */
import { pause } from "../shared/backoff.ts";
import type { Logger } from "../shared/log.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** Past this the link may be dead although it looks well: a new one is made. */
const RECONNECT_AFTER_S = 5;
/** Past this the gateway is not ready (docs/operations.md). */
const SILENT_AFTER_S = 15;
const LOOK_EVERY_MS = 500;

/** What is known of it. */
export interface Canary {
  /** Seconds since it was heard; infinite before the first time. */
  ageSeconds(): number;
  isSilent(): boolean;
}

/** Listens until `signal` aborts. */
export function listenForCanary(
  subscriptions: Subscriptions,
  keys: Keys,
  log: Logger,
  signal: AbortSignal,
): Canary {
  let heardAt = Number.NEGATIVE_INFINITY;
  let linkedAt = performance.now();
  const since = (at: number) => (performance.now() - at) / 1000;
  subscriptions.add(keys.canaryChannel(), {
    onMessage: () => {
      heardAt = performance.now();
    },
    onSubscribed: () => {},
  });
  const watch = async () => {
    for (let wait = RECONNECT_AFTER_S; !signal.aborted; ) {
      await pause(LOOK_EVERY_MS, signal);
      if (since(heardAt) < RECONNECT_AFTER_S) wait = RECONNECT_AFTER_S;
      if (signal.aborted || since(Math.max(heardAt, linkedAt)) < wait) continue;
      if (subscriptions.isConnected()) {
        log.warn({ ageSeconds: Math.round(since(heardAt)) }, "no canary: subscribing over a new link");
        subscriptions.reconnect();
      }
      linkedAt = performance.now();
      // No worker may be alive: then no new link helps, and each costs a resync.
      wait = Math.min(wait * 2, 60);
    }
  };
  void watch();
  return { ageSeconds: () => since(heardAt), isSilent: () => since(heardAt) > SILENT_AFTER_S };
}
