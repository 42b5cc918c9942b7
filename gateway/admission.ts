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
  /** Null: the path names none. */
  world: string | null;
  /** Whether there is such a world; where that is not known yet, the connection stands while it is found out. */
  exists: boolean | Promise<boolean>;
  address: string;
}

interface AdmissionOptions {
  connections: Connections;
  worlds: Worlds;
  metrics: GatewayMetrics;
  log: Logger;
  trusted: BlockList | null;
  /** `FOYER_ORIGINS`; empty: any. */
  origins: readonly string[];
  maxConnections: number;
  maxConnectionsPerAddress: number;
  isDraining(): boolean;
}

const worldPath = /^\/ws\/world\/([a-z0-9-]{1,50})\/?$/;

/** @returns the decision on one upgrade; what it admits is reserved in `connections` */
export function createAdmission(options: AdmissionOptions) {
  const { connections, metrics, maxConnections, maxConnectionsPerAddress, isDraining, trusted } = options;
  const refuse = (reason: string, refused: string): Admission<Admitted> => {
    metrics.connectionsRefused.inc({ reason });
    return { refused };
  };
  return (request: UpgradeRequest): Admission<Admitted> | Promise<Admission<Admitted>> => {
    if (isDraining()) return refuse("draining", "503 Service Unavailable");
    if (maxConnections > 0 && connections.admitted >= maxConnections) {
      return refuse("full", "503 Service Unavailable");
    }
    const address = clientAddress(request.peer, request.forwardedFor, trusted);
    if (maxConnectionsPerAddress > 0 && connections.admittedFrom(address) >= maxConnectionsPerAddress) {
      return refuse("address", "429 Too Many Requests");
    }
    connections.reserve(address);
    const id = worldPath.exec(request.path)?.[1] ?? null;
    const world = id === null ? null : lookUp(options, id);
    const exists = world instanceof Promise ? world.then(doesExist) : doesExist(world);
    const admitted = { world: id, exists, address };
    if (isOriginLetIn(options.origins, request.origin)) return { admitted };
    const decide = (known: KnownWorld | "unavailable" | null): Admission<Admitted> => {
      if (known !== null && known !== "unavailable" && known.origins.includes(request.origin)) {
        return { admitted };
      }
      connections.release(address);
      return known === "unavailable"
        ? refuse("world", "503 Service Unavailable")
        : refuse("origin", "403 Forbidden");
    };
    return world instanceof Promise ? world.then(decide) : decide(world);
  };
}

/** What is known of the world; "unavailable": nobody answers. */
function lookUp(
  { worlds, log }: AdmissionOptions,
  id: string,
): KnownWorld | Promise<KnownWorld | "unavailable"> {
  const world = worlds.get(id);
  if (!(world instanceof Promise)) return world;
  return world.catch((error: Error) => {
    log.warn({ world: id, reason: error.message }, "looking a world up failed");
    return "unavailable";
  });
}

/** A world that nobody answers for may exist: its commands will be told `server.timeout`. */
function doesExist(world: KnownWorld | "unavailable" | null): boolean {
  return world === "unavailable" || world?.exists === true;
}

/** By the setting; without an `Origin` it is no browser, which nobody could lure here. */
function isOriginLetIn(allowed: readonly string[], origin: string): boolean {
  return allowed.length === 0 || origin === "" || allowed.includes(origin);
}
