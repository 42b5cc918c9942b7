/** How property tests run: the same cases each time, and few enough for a test of seconds. */
import fc from "fast-check";

/**
 * `TEST_SEED` to look elsewhere, `TEST_TIMES` to look so many times as long. A failure prints the seed, with the path
 * to the smallest case that fails.
 */
// biome-ignore lint/style/noProcessEnv: a test file is a main program
const { TEST_SEED, TEST_TIMES } = process.env;
const SEED = Number(TEST_SEED ?? 20_260_131);
const TIMES = Number(TEST_TIMES ?? 1);

/** Strings of any code units: NUL, halves of surrogate pairs and what not. */
export const anyText = fc.oneof(
  fc.constantFrom("\0", "\ud800", "a\udfffz", "\u2028", "🎪"),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 })
    .map((units) => String.fromCharCode(...units)),
);

/** Names that objects have already: what looks keys up without care finds these. */
export const trickyName = fc.constantFrom("__proto__", "constructor", "toString", "hasOwnProperty", "");

/**
 * Tries a property with many values; it fails by throwing.
 *
 * @throws Error with the smallest value for which it fails, seed and path
 */
export async function holds<T>(
  values: fc.Arbitrary<T>,
  runs: number,
  property: (value: T) => void | Promise<void>,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      await property(value);
    }),
    { seed: SEED, numRuns: runs * TIMES },
  );
}
