/**
 * Frees the buffers of a stream of data as it goes. They lie outside V8's heap: while little else is allocated, it
 * sees no need to collect them, and megabytes of them wait to be found dead.
 */
import v8 from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes after which it is worth a collection, which takes about a millisecond. */
const EVERY_BYTES = 512 * 1024;

// The function exists only where V8 is told so, and only in contexts made after that.
v8.setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options: { type: "minor" }) => void;
v8.setFlagsFromString("--no-expose-gc");

let passed = 0;

/** Says that so many bytes have been passed on. */
export function sweepYoung(bytes: number): void {
  passed += bytes;
  if (passed < EVERY_BYTES) return;
  passed = 0;
  collect({ type: "minor" });
}
