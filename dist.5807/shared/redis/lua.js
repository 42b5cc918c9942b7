/** The Lua scripts of `lua/`, one a file, its number of keys at the end of its name. */
import { readdirSync, readFileSync } from "node:fs";
const folder = new URL("./lua/", import.meta.url);
const scripts = readdirSync(folder)
    .filter((file) => file.endsWith(".lua"))
    .map((file) => {
    const [, name, keys] = /^(.+)-(\d+)\.lua$/.exec(file) ?? [];
    if (name === undefined)
        throw new Error(`${file}: a script's name ends in its number of keys`);
    return { name, numberOfKeys: Number(keys), lua: readFileSync(new URL(file, folder), "utf8") };
});
/** Makes every script a command of this client. */
export function defineScripts(redis) {
    for (const { name, numberOfKeys, lua } of scripts)
        redis.defineCommand(name, { numberOfKeys, lua });
}
/**
 * Runs a script.
 *
 * @param redis a client, or a pipeline of one: then the result comes with the pipeline's
 * @param args its keys, then its arguments, as the head of its file lists them
 */
export function runScript(redis, name, ...args) {
    return redis[name](...args);
}
//# sourceMappingURL=lua.js.map