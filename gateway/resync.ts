/** Fetches what connections may have missed, by version: after subscribing, and after a lost link. */
import type { Logger } from "../shared/log.ts";
import type { FanOut } from "./fan-out.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { Ask } from "./own-commands.ts";
import { UserBatches } from "./user-batches.ts";

interface ResyncOptions {
  ask: Ask;
  /** Asked late: it needs the resync to be made. */
  fanOut(): FanOut;
  metrics: GatewayMetrics;
  log: Logger;
  signal: AbortSignal;
}

/** @returns asks for what this user's connections may have missed */
export function createResync({ ask, fanOut, metrics, log, signal }: ResyncOptions) {
  const batches = new UserBatches({
    about: "resync",
    log,
    signal,
    ask: async (world, users) => {
      const known = users.flatMap((user): [string, number][] => {
        const version = fanOut().knownVersion(world, user);
        return version === null ? [] : [[user, version]];
      });
      if (known.length === 0) return;
      metrics.resyncs.inc(known.length);
      const { users: newer } = await ask(world, "gateway.resync", { users: known });
      for (const [user, version, frame, cutOff] of newer) {
        fanOut().resynced(world, user, { version, frame }, cutOff);
      }
    },
  });
  return (world: string, user: string) => batches.add(world, [user]);
}
