/** A node's Prometheus registry: process metrics and build info, to which gateway/ and core/ add their own. */
import { createRequire } from "node:module";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { precisionOfDefaults, watchEventLoop } from "./event-loop-delay.ts";
import type { Role } from "./redis/keys.ts";

/** Buckets in seconds from a quarter of a millisecond to ten seconds, for everything a client waits for. */
export const latencyBuckets = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Foyer's version, from package.json. */
export const version: string = findVersion();

/** The registry of one node. */
export function createRegistry(role: Role): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: precisionOfDefaults });
  watchEventLoop(register);
  new Gauge({
    name: "foyer_build_info",
    help: "1, with the version as a label",
    labelNames: ["version", "role", "node_version"],
    registers: [register],
  }).set({ version, role, node_version: process.version }, 1);
  return register;
}

function findVersion(): string {
  const require = createRequire(import.meta.url);
  // The sources run from shared/, the build from dist/shared/.
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      return require(path).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  return "unknown";
}
