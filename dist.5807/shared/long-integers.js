/**
 * Whole numbers in JSON beyond 2^53, which a double cannot hold: ids of some systems are that long, and two of them
 * must not become one.
 */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Whether reading it as a number may have changed its digits. */
export function isLongInteger(value) {
    return Number.isInteger(value) && !Number.isSafeInteger(value);
}
/**
 * The same JSON with such numbers as strings of their digits.
 *
 * @param json valid JSON
 */
export function quoteLongIntegers(json) {
    return json.replace(stringOrNumber, (text) => (/^-?\d{16,}$/.test(text) ? `"${text}"` : text));
}
//# sourceMappingURL=long-integers.js.map