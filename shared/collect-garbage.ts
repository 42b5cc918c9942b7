/**
 * Frees the buffers of a stream of data as it goes. They lie outside V8's heap: while little else is allocated, it
 * sees no need to collect them, and megabytes of them wait to be found dead.
 */
import v8 from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes after which it is worth a collection of what is young, which takes about a millisecond. */
const EVERY_BYTES = 512 * 1024;

/**
 * Bytes in buffers, above the fewest that there were, after which it is worth a collection of everything: what has
 * outlived two of the others by chance is dead soon after, and stays. On a busy machine that was a third of all that
 * was passed on. A large heap takes longer to collect (1 ms/MB), so there it may be more.
 */
const LEAST_WAITING_BYTES = 6 * 1024 * 1024;
const MOST_WAITING_BYTES = 16 * 1024 * 1024;
const WAITING_SHARE = 4;

// The function exists only where V8 is told so, and only in contexts made after that. Node 20 takes any argument
// at all for "minor".
v8.setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options?: { type: "minor" }) => void;
v8.setFlagsFromString("--no-expose-gc");

let passed = 0;
/** The fewest bytes in buffers since everything was last collected. */
let fewest = 0;

/** Says that so many bytes have been passed on. */
export function sweepAfter(bytes: number): void {
  passed += bytes;
  if (passed < EVERY_BYTES) return;
  passed = 0;
  collect({ type: "minor" });
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  fewest = Math.min(fewest, arrayBuffers);
  const most = Math.min(MOST_WAITING_BYTES, Math.max(LEAST_WAITING_BYTES, heapUsed / WAITING_SHARE));
  if (arrayBuffers - fewest < most) return;
  collect();
  fewest = process.memoryUsage().arrayBuffers;
}

/** Collects everything that is dead, young or old, and gives the room back to the system. */
export function collectAll(): void {
  collect();
}
