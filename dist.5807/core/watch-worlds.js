/** Listens for as long as the subscriptions stand. */
export function watchWorlds(subscriptions, keys, worlds) {
    subscriptions.add(keys.worldsChannel(), {
        onMessage: (world) => worlds.drop(world.toString()),
        // What was said meanwhile was not heard.
        onSubscribed: () => worlds.dropAll(),
    });
}
//# sourceMappingURL=watch-worlds.js.map