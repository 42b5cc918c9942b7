/** The rule about memory: no node grows large, whatever happens to it. */
import type { MemoryUse } from "../world/memory.ts";
import type { Violation } from "./account.ts";

/** A node that does nothing has 70 to 100 MB, one under the load of a run some 150. */
const LARGEST_MB = 350;

export function checkMemory(used: readonly MemoryUse[]): Violation[] {
  return used
    .filter(({ mostMb }) => mostMb > LARGEST_MB)
    .map(({ name, mostMb }) => ({
      rule: "memory is bounded",
      account: "",
      message: `${name} had ${mostMb} MB`,
      events: [],
    }));
}
