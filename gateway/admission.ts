/** Whether an upgrade is let in: room, where it comes from, its origin, and which world it wants. */
import type { BlockList } from "node:net";
import type { Logger } from "../shared/log.ts";
import { clientAddress } from "./client-address.ts";
import type { Connections } from "./connections.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { Admission, UpgradeRequest } from "./uws.ts";
import type { KnownWorld, Worlds } from "./worlds.ts";

/** What a connection begins with. */
export interface Admitted {
  /** Null: there is no such world, which the connection is told before it is closed. */
  world: string | null;
  address: string;
}

interface AdmissionOptions {
  connections: Connections;
  worlds: Worlds;
  metrics: GatewayMetrics;
  log: Logger;
  trusted: BlockList;
  /** `FOYER_ORIGINS`; empty: any. */
  origins: readonly string[];
  maxConnections: number;
  maxConnectionsPerAddress: number;
  isDraining(): boolean;
}

const worldPath = /^\/ws\/world\/([a-z0-9-]{1,50})\/?$/;

/** @returns the decision on one upgrade; what it admits is reserved in `connections` */
export function createAdmission(options: AdmissionOptions) {
  const { connections, metrics } = options;
  const refuse = (reason: string, refused: string): Admission<Admitted> => {
    metrics.connectionsRefused.inc({ reason });
    return { refused };
  };
  return async (request: UpgradeRequest): Promise<Admission<Admitted>> => {
    const { maxConnections, maxConnectionsPerAddress, isDraining, trusted } = options;
    if (isDraining()) return refuse("draining", "503 Service Unavailable");
    if (maxConnections > 0 && connections.admitted >= maxConnections) {
      return refuse("full", "503 Service Unavailable");
    }
    const address = clientAddress(request.peer, request.forwardedFor, trusted);
    if (maxConnectionsPerAddress > 0 && connections.admittedFrom(address) >= maxConnectionsPerAddress) {
      return refuse("address", "429 Too Many Requests");
    }
    // Before the world is waited for: those who wait count, too.
    connections.reserve(address);
    const id = worldPath.exec(request.path)?.[1];
    const world = id === undefined ? null : await lookUp(options, id);
    if (!isOriginLetIn(options.origins, request.origin, world)) {
      connections.release(address);
      return world === "unavailable"
        ? refuse("world", "503 Service Unavailable")
        : refuse("origin", "403 Forbidden");
    }
    const exists = world === "unavailable" || world?.exists;
    return { admitted: { world: exists ? id! : null, address } };
  };
}

/** A world that nobody answers for may exist: its commands will be told `server.timeout`. */
async function lookUp({ worlds, log }: AdmissionOptions, id: string): Promise<KnownWorld | "unavailable"> {
  try {
    return await worlds.get(id);
  } catch (error) {
    log.warn({ world: id, reason: (error as Error).message }, "looking a world up failed");
    return "unavailable";
  }
}

/** Without an `Origin` it is no browser, which nobody could lure here. */
function isOriginLetIn(
  allowed: readonly string[],
  origin: string,
  world: KnownWorld | "unavailable" | null,
): boolean {
  if (allowed.length === 0 || origin === "" || allowed.includes(origin)) return true;
  return world !== null && world !== "unavailable" && world.origins.includes(origin);
}
