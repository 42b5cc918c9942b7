/** What workers tell a gateway: worlds that changed, connections that newer ones replace. */
import type { Logger } from "../shared/log.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { Connections } from "./connections.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { WorldUpdates } from "./world-updates.ts";

interface OrdersOptions {
  subscriptions: Subscriptions;
  keys: Keys;
  gateway: string;
  connections: Connections;
  worldUpdates: WorldUpdates;
  log: Logger;
}

/** Listens as long as the subscriptions stand. */
export function listenForOrders(options: OrdersOptions): void {
  const { subscriptions, keys, gateway, connections, worldUpdates, log } = options;
  subscriptions.add(keys.worldsChannel(), {
    onMessage: (message) => worldUpdates.worldChanged(message.toString()),
    onSubscribed: (again) => {
      if (again) void worldUpdates.checkAll();
    },
  });
  subscriptions.add(keys.gatewayChannel(gateway), {
    onMessage: (message) => {
      const replaced = readOrder(message);
      if (replaced === null) return log.warn("unreadable order");
      for (const number of replaced) connections.get(number)?.replace();
    },
    onSubscribed: () => {},
  });
}

/** The connections to be replaced; null for an order that this version does not know. */
function readOrder(message: Buffer): number[] | null {
  try {
    const order = JSON.parse(message.toString()) as { kind?: unknown; connections?: unknown };
    return order?.kind === "replace" && Array.isArray(order.connections) ? order.connections : null;
  } catch {
    return null;
  }
}
