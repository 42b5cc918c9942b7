/** Text from a client → a request, or why it is none (docs/protocol.md). Pure. */
import { exactId } from "../shared/protocol/frames.js";
/** Longest id, in characters. */
const MAX_ID_CHARACTERS = 64;
/** Reads one frame. The text itself goes on to the worker unchanged. */
export function readFrame(text) {
    let parts;
    try {
        parts = JSON.parse(text);
    }
    catch {
        return { kind: "invalid", id: undefined };
    }
    if (!Array.isArray(parts))
        return { kind: "invalid", id: undefined };
    const [action, second] = parts;
    const hasId = parts.length === 3;
    if (hasId && action !== "ping" && !isFrameId(second))
        return { kind: "invalid", id: undefined };
    const id = hasId ? exactId(second, text) : undefined;
    if (typeof action !== "string" || (parts.length !== 2 && !hasId))
        return { kind: "invalid", id };
    if (action !== "ping")
        return { kind: "request", action, id, text };
    return hasId ? { kind: "invalid", id: undefined } : { kind: "ping", payload: textAfterAction(text) };
}
function isFrameId(value) {
    if (typeof value === "number")
        return Number.isFinite(value);
    if (typeof value !== "string")
        return false;
    return value.length <= MAX_ID_CHARACTERS || [...value].length <= MAX_ID_CHARACTERS;
}
/**
 * The second of two elements as the client wrote it: reading it and writing it anew would change large numbers.
 *
 * @param text a JSON array of two elements, the first a string
 */
function textAfterAction(text) {
    let at = text.indexOf('"') + 1;
    while (text[at] !== '"')
        at += text[at] === "\\" ? 2 : 1;
    return text.slice(text.indexOf(",", at) + 1, text.lastIndexOf("]")).trim();
}
//# sourceMappingURL=frame.js.map