/** The Lua scripts of `lua/`, one a file, its number of keys at the end of its name. */
import { readdirSync, readFileSync } from "node:fs";

/** The scripts, by the name of their file; each file's head says what it takes and gives. */
export type ScriptName =
  | "add-entry"
  | "finish-entries"
  | "prepare-stream"
  | "check-stream"
  | "renew-lease"
  | "live-nodes"
  | "release-lease"
  | "take-token"
  | "count-failure"
  | "hold"
  | "lead"
  | "raise-fence"
  | "lease-runs"
  | "expired-nodes"
  | "entry-age"
  | "server-time"
  | "unconfirmed-fence"
  | "register-connection";

const folder = new URL("./lua/", import.meta.url);

const scripts = readdirSync(folder)
  .filter((file) => file.endsWith(".lua"))
  .map((file) => {
    const [, name, keys] = /^(.+)-(\d+)\.lua$/.exec(file) ?? [];
    if (name === undefined) throw new Error(`${file}: a script's name ends in its number of keys`);
    return { name, numberOfKeys: Number(keys), lua: readFileSync(new URL(file, folder), "utf8") };
  });

/** What a client offers to define a command. */
interface Definer {
  defineCommand(name: string, definition: { numberOfKeys: number; lua: string }): void;
}

/** Makes every script a command of this client. */
export function defineScripts(redis: Definer): void {
  for (const { name, numberOfKeys, lua } of scripts) redis.defineCommand(name, { numberOfKeys, lua });
}

type Scripted = Record<ScriptName, (...args: (string | number | Buffer)[]) => Promise<unknown>>;

/**
 * Runs a script.
 *
 * @param redis a client, or a pipeline of one: then the result comes with the pipeline's
 * @param args its keys, then its arguments, as the head of its file lists them
 */
export function runScript(
  redis: object,
  name: ScriptName,
  ...args: (string | number | Buffer)[]
): Promise<unknown> {
  return (redis as Scripted)[name](...args);
}
