/** Drops worlds from the cache when the worlds channel names them. */
import type { Logger } from "../shared/log.ts";
import type { RedisClient } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import type { WorldCache } from "./world-cache.ts";

/** Listens for as long as the link lives, also after it was down. */
export function watchWorlds(subscriber: RedisClient, keys: Keys, worlds: WorldCache, log: Logger): void {
  subscriber.on("message", (channel: string, world: string) => {
    if (channel === keys.worldsChannel()) worlds.drop(world);
  });
  subscriber.on("ready", () => {
    // What was said meanwhile was not heard.
    worlds.dropAll();
    subscriber.subscribe(keys.worldsChannel()).catch((error: Error) => {
      log.warn({ reason: error.message }, "subscribing to worlds failed");
      subscriber.disconnect(true);
    });
  });
}
