/** What jsonb and text columns can hold, and what a profile may be. */
import { isDeepStrictEqual } from "node:util";
import { Refusal } from "../shared/protocol/errors.ts";

/** Deeper than this, a value is an attack on whoever walks it, not a profile. */
const MAX_DEPTH = 100;

/** The largest value of `user.update`, in bytes of compact JSON. */
const MAX_VALUE_BYTES = 32 * 1024;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** An account's id as Postgres writes it; null for what can be none. */
export function asUuid(text: string): string | null {
  return uuid.test(text) ? text.toLowerCase() : null;
}

/** NUL, which Postgres stores in no text, and halves of surrogate pairs, which are no UTF-8. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is the control character that is looked for
const unstorable = /\u0000|\p{Surrogate}/u;

/** Whether Postgres can hold this JSON value as it is. */
export function isStorable(value: unknown): boolean {
  return typeof value === "string" ? !unstorable.test(value) : findFault(value) === null;
}

/**
 * Checks a value that a client wants stored.
 *
 * @param path of the value in the payload, for the refusal
 * @returns its compact JSON
 * @throws Refusal `user.invalid_body`
 */
export function storableJson(value: unknown, path: string): string {
  const fault = findFault(value);
  if (fault !== null)
    throw new Refusal("user.invalid_body", { path: path + fault.path, expected: fault.expected });
  const json = JSON.stringify(value);
  if (Buffer.byteLength(json) > MAX_VALUE_BYTES) {
    throw new Refusal("user.invalid_body", { path, expected: `at most ${MAX_VALUE_BYTES} bytes of JSON` });
  }
  return json;
}

/** Whether two JSON texts say different things. */
export function differs(a: string, b: string): boolean {
  return a !== b && !isDeepStrictEqual(JSON.parse(a), JSON.parse(b));
}

/**
 * How much longer a number is in Postgres than in JSON: jsonb writes all digits, so that 1e308, which is short, comes
 * back as 309 of them.
 */
function addedDigits(value: number): number {
  return Math.abs(Number(String(value).split("e")[1] ?? 0));
}

/** Where in the value: the key in what holds it. */
interface Place {
  key: string;
  parent: Place | null;
}

/** The first thing in the value that cannot be stored; walks without recursion, as the value may be hostile. */
function findFault(root: unknown): { path: string; expected: string } | null {
  let digits = 0;
  const open: { value: unknown; at: Place | null; depth: number }[] = [{ value: root, at: null, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, at, depth } = next;
    if (typeof value === "string" && unstorable.test(value)) {
      return { path: pointerTo(at), expected: "text without NUL and lone surrogates" };
    }
    if (typeof value === "number" && !Number.isFinite(value)) {
      return { path: pointerTo(at), expected: "a number that a double can hold" };
    }
    if (typeof value === "number") digits += addedDigits(value);
    if (digits > MAX_VALUE_BYTES) return { path: "", expected: `at most ${MAX_VALUE_BYTES} digits` };
    if (typeof value !== "object" || value === null) continue;
    if (depth >= MAX_DEPTH) return { path: pointerTo(at), expected: `at most ${MAX_DEPTH} levels` };
    for (const [key, item] of Object.entries(value)) {
      if (unstorable.test(key)) {
        return { path: pointerTo(at), expected: "keys without NUL and lone surrogates" };
      }
      open.push({ value: item, at: { key, parent: at }, depth: depth + 1 });
    }
  }
  return null;
}

/** As JSON Pointer (RFC 6901). */
function pointerTo(place: Place | null): string {
  let pointer = "";
  for (let at = place; at !== null; at = at.parent) {
    pointer = `/${at.key.replaceAll("~", "~0").replaceAll("/", "~1")}${pointer}`;
  }
  return pointer;
}
