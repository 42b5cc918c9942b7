/** What the nodes of a cluster take of memory while things happen to it. */
import { processUsage } from "../../../loadtest/usage.ts";
import type { ChaosCluster } from "./cluster.ts";

/** The most that one node had, in MB of resident memory; 0 where the system does not say. */
export interface MemoryUse {
  name: string;
  mostMb: number;
}

const LOOK_EVERY_MS = 250;

/** Looks until it is ended. */
export function watchMemory({ gateways, workers }: Pick<ChaosCluster, "gateways" | "workers">) {
  const nodes = [...gateways, ...workers];
  const most = new Map(nodes.map(({ name }) => [name, 0]));
  const look = () => {
    for (const { name, pid } of nodes) {
      const rssMb = pid() === 0 ? 0 : (processUsage(pid())?.rssMb ?? 0);
      most.set(name, Math.max(most.get(name)!, rssMb));
    }
  };
  const looking = setInterval(look, LOOK_EVERY_MS);
  return {
    end(): MemoryUse[] {
      clearInterval(looking);
      look();
      return [...most].map(([name, mostMb]) => ({ name, mostMb: Math.round(mostMb) }));
    },
  };
}
