/** The nodes whose lease runs, with what each tells about itself. */
import type { ClusterLink } from "../../core/world-file.ts";
import type { Role } from "../../shared/redis/keys.ts";
import { runScript } from "../../shared/redis/lua.ts";

/** One of them. */
export interface LiveNode {
  id: string;
  info: { connections?: number; draining?: boolean; reads?: number };
}

/** Sorted by id. */
export async function liveNodes({ redis, keys }: ClusterLink, role: Role): Promise<LiveNode[]> {
  const flat = (await runScript(redis, "live-nodes", keys.leases(role), keys.nodes(role))) as string[];
  return Array.from({ length: flat.length / 2 }, (_, i) => ({
    id: flat[2 * i]!,
    info: readInfo(flat[2 * i + 1]!),
  })).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Nothing is known of a node that says nothing that can be read. */
function readInfo(json: string): LiveNode["info"] {
  try {
    return (JSON.parse(json) as LiveNode["info"] | null) ?? {};
  } catch {
    return {};
  }
}
