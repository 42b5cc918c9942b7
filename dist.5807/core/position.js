/**
 * Where a command stands among all others: the stream entry's id, then its place in the entry. As text of fixed
 * width, so that it sorts as bytes wherever it is kept.
 */
/** The position of a command. `entryId` is Redis' `ms-sequence`. */
export function positionOf(entryId, place) {
    const [ms = "", sequence = ""] = entryId.split("-");
    return `${ms.padStart(14, "0")}-${sequence.padStart(10, "0")}-${String(place).padStart(6, "0")}`;
}
/** The entry id inside a position; "0-0" for no position. */
export function entryIdOf(position) {
    const [ms = "0", sequence = "0"] = position.split("-");
    return { ms: String(Number(ms)), sequence: String(Number(sequence)) };
}
/** The least position of a moment, ms since the epoch. */
export function positionAt(ms) {
    return positionOf(`${Math.max(0, Math.floor(ms))}-0`, 0);
}
//# sourceMappingURL=position.js.map