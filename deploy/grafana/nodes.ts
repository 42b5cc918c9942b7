/** What each process uses of its machine: the same panels for gateways and workers. */
import type { Role } from "../../shared/redis/keys.ts";
import { one, type Panel } from "./panels.ts";

/** CPU, memory and event loop of all nodes of a role. */
export function nodePanels(role: Role): Panel[] {
  const ofRole = `and on (instance) foyer_build_info{role="${role}"}`;
  const what = role === "gateway" ? "gateway" : "worker";
  return [
    {
      title: "CPU",
      help: `Cores. A ${what}'s event loop uses one at the most.`,
      kind: "chart",
      unit: "short",
      queries: one(`rate(process_cpu_seconds_total[$__rate_interval]) ${ofRole}`, "{{instance}}"),
      thresholds: { warn: 0.7, alarm: 0.9 },
    },
    {
      title: "Memory",
      help: "Resident.",
      kind: "chart",
      unit: "bytes",
      queries: one(`process_resident_memory_bytes ${ofRole}`, "{{instance}}"),
    },
    {
      title: "Event loop",
      help: "How late the 99th percentile of timers fires.",
      kind: "chart",
      unit: "s",
      queries: one(`nodejs_eventloop_lag_p99_seconds ${ofRole}`, "{{instance}}"),
      thresholds: { warn: 0.05, alarm: 0.1 },
    },
  ];
}
