/**
 * Loaded into a node before its own code: its wall clock goes wrong by as many ms as stand in the file that
 * `CHAOS_CLOCK` names. Its monotonic clock stays right, as it does when somebody sets a machine's clock.
 */
import { readFileSync } from "node:fs";

const LOOK_EVERY_MS = 20;

// biome-ignore lint/style/noProcessEnv: it is loaded by NODE_OPTIONS, which leaves no other way to tell it
const file = process.env.CHAOS_CLOCK;

if (file !== undefined) {
  const RightDate = Date;
  let offsetMs = 0;
  const now = () => RightDate.now() + offsetMs;
  globalThis.Date = new Proxy(RightDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new RightDate(now()).toString(),
    get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
  });
  setInterval(() => {
    offsetMs = Number(readFileSync(file, "utf8"));
  }, LOOK_EVERY_MS).unref();
}
