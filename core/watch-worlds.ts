/** Drops worlds from the cache when the worlds channel names them. */
import { isWorldId } from "../shared/envelope.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { Subscriptions } from "../shared/redis/subscriptions.ts";
import type { WorldCache } from "./world-cache.ts";

/** Listens for as long as the subscriptions stand. @param onUnreadable called for what names no world */
export function watchWorlds(
  subscriptions: Subscriptions,
  keys: Keys,
  worlds: WorldCache,
  onUnreadable: () => void,
): void {
  subscriptions.add(keys.worldsChannel(), {
    onMessage: (message) => {
      const world = message.length > 50 ? "" : message.toString();
      if (isWorldId(world)) worlds.drop(world);
      else onUnreadable();
    },
    // What was said meanwhile was not heard.
    onSubscribed: () => worlds.dropAll(),
  });
}
