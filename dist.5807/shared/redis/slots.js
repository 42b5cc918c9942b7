/** Hash slots of Redis Cluster: which of its servers holds a key. Pure functions. */
const SLOTS = 16_384;
/** The slot of a key or channel, 0 to 16,383: that of its hash tag where it has one. */
export function slotOf(key) {
    const open = key.indexOf("{");
    const close = open < 0 ? -1 : key.indexOf("}", open + 1);
    const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
    return crc16(Buffer.from(hashed)) % SLOTS;
}
const tags = new Map();
/** A hash tag that leads to this slot, always the same one. @throws RangeError for what is no slot */
export function tagOf(slot) {
    if (!(slot >= 0 && slot < SLOTS))
        throw new RangeError(`there is no slot ${slot}`);
    // Numbers reach all slots soon: a hundred thousand of them do.
    for (let n = 0; !tags.has(slot); n++) {
        const found = slotOf(String(n));
        if (found === slot)
            tags.set(slot, String(n));
    }
    return tags.get(slot);
}
/** CRC16-CCITT, as XMODEM has it. */
function crc16(bytes) {
    let crc = 0;
    for (const byte of bytes) {
        crc ^= byte << 8;
        for (let bit = 0; bit < 8; bit++)
            crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
    }
    return crc;
}
//# sourceMappingURL=slots.js.map