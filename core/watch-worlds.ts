/** Drops worlds from the cache when the worlds channel names them. */
import type { Keys } from "../shared/redis/keys.ts";
import type { Subscriptions } from "../shared/redis/subscriptions.ts";
import type { WorldCache } from "./world-cache.ts";

/** Listens for as long as the subscriptions stand. */
export function watchWorlds(subscriptions: Subscriptions, keys: Keys, worlds: WorldCache): void {
  subscriptions.add(keys.worldsChannel(), {
    onMessage: (world) => worlds.drop(world.toString()),
    // What was said meanwhile was not heard.
    onSubscribed: () => worlds.dropAll(),
  });
}
