import { isLongInteger, quoteLongIntegers } from "../long-integers.js";
import { errors } from "./errors.js";
/** The id as it was written. @param frame the text of the frame that has it, in the second place */
export function exactId(id, frame) {
    if (!isLongInteger(id))
        return id;
    const [, digits] = JSON.parse(quoteLongIntegers(frame));
    return typeof digits === "string" ? BigInt(digits) : id;
}
/** `["success", id, result]`, or without the id. `result` is JSON text already. */
export function successFrame(id, resultJson) {
    if (id === undefined)
        return `["success",${resultJson}]`;
    // Quoting only what needs it: ids are numbers nearly always, and this runs once for every command.
    return `["success",${typeof id === "string" ? JSON.stringify(id) : id},${resultJson}]`;
}
/** What stands before the result in a success frame, and behind it, for a result that comes in pieces. */
export function successStart(id) {
    return successFrame(id, "").slice(0, -1);
}
export const successEnd = "]";
/** `["error", id, error]`, or without the id. */
export function errorFrame(id, error) {
    if (typeof id === "bigint")
        return `["error",${id},${JSON.stringify(error)}]`;
    return JSON.stringify(id === undefined ? ["error", error] : ["error", id, error]);
}
/** Any frame that the server pushes unasked. `payload` is JSON text already. */
export function pushFrame(action, payloadJson) {
    return `["${action}",${payloadJson}]`;
}
const errorStart = /^\["error",(?:(?:-?[\d.eE+]+|"(?:[^"\\]|\\.)*"),)?\{"code":"([^"]+)"/;
/** What an answer says of its command, for a metric's label: `success`, or the error's code. */
export function outcomeOf(frame) {
    if (typeof frame !== "string" || !frame.startsWith('["error"'))
        return "success";
    const code = errorStart.exec(frame)?.[1] ?? "";
    return Object.hasOwn(errors, code) ? code : "error";
}
//# sourceMappingURL=frames.js.map