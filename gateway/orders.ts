/**
 * What workers and the command line tell a gateway: worlds that changed, connections that newer ones replace,
 * clients that are to load their page anew.
 */
import { isWorldId } from "../shared/envelope.ts";
import type { Logger } from "../shared/log.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { Subscriptions } from "../shared/redis/subscriptions.ts";
import type { Connections } from "./connections.ts";
import type { GatewayMetrics } from "./metrics.ts";
import { spread } from "./spread.ts";
import type { WorldUpdates } from "./world-updates.ts";

interface OrdersOptions {
  subscriptions: Subscriptions;
  keys: Keys;
  gateway: string;
  connections: Connections;
  worldUpdates: WorldUpdates;
  metrics: Pick<GatewayMetrics, "unreadable">;
  log: Logger;
  /** The gateway ends, and its connections with it. */
  signal: AbortSignal;
}

/** An order as it stands in a message. */
type Order =
  | { kind: "replace"; connections: number[] }
  /** Of one world, or of all; logged in or not. */
  | { kind: "reload"; world: string | null; over_ms: number };

/** Listens as long as the subscriptions stand. */
export function listenForOrders(options: OrdersOptions): void {
  const { subscriptions, keys, gateway, connections, worldUpdates, metrics, log, signal } = options;
  subscriptions.add(keys.worldsChannel(), {
    onMessage: (message) => {
      const world = message.length > 50 ? "" : message.toString();
      if (isWorldId(world)) worldUpdates.worldChanged(world);
      else metrics.unreadable.inc({ kind: "world" });
    },
    onSubscribed: (again) => {
      if (again) void worldUpdates.checkAll();
    },
  });
  subscriptions.add(keys.gatewayChannel(gateway), {
    onMessage: (message) => {
      const order = readOrder(message);
      if (order === null) {
        metrics.unreadable.inc({ kind: "order" });
        return log.warn("unreadable order");
      }
      if (order.kind === "replace") {
        for (const number of order.connections) connections.get(number)?.replace();
        return;
      }
      const { world, over_ms: overMs } = order;
      const all = connections.all().filter((each) => world === null || each.world === world);
      log.info(
        { connections: all.length, overMs, ...(world === null ? {} : { world }) },
        "connections are told to reload",
      );
      spread(all, overMs, signal, (connection) => connection.reload()).catch((error: Error) => {
        log.error({ error }, "reloading failed");
      });
    },
  });
}

/** Null for an order that this version does not know. */
function readOrder(message: Buffer): Order | null {
  try {
    const order = JSON.parse(message.toString());
    switch (order?.kind) {
      case "replace":
        return Array.isArray(order.connections) ? order : null;
      case "reload":
        return isTextOrNull(order.world) && Number.isFinite(order.over_ms) && order.over_ms >= 0
          ? order
          : null;
      default:
        return null;
    }
  } catch {
    return null;
  }
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}
