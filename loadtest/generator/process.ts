/** A generator's process: does what its parent says, and ends with it. */

import type { Order, Word } from "./crew.ts";
import { Generator } from "./generator.ts";

/** Nobody hears it where the parent has just gone: "disconnect" ends this process then. */
const say = (word: Word) => void process.send?.(word, undefined, undefined, () => {});
const generator = new Generator((tick) => say({ tick }));

process.on("message", async ({ id, act, plan }: Order) => {
  try {
    // The parent's types hold plan and act together.
    const result = await (generator[act] as (given: unknown) => Promise<object>)(plan);
    say({ id, result });
  } catch (error) {
    say({ id, failed: (error as Error).message });
  }
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole group: the parent decides when it is over.
process.on("SIGINT", () => {});
say({ ready: true });
