/** Characters kept; the least recently used go first. */
const MAX_CHARACTERS = 64 * 1024 * 1024;
export class SharedTexts {
    #redis;
    #keys;
    #texts = new Map();
    #reading = new Map();
    #characters = 0;
    constructor(redis, keys) {
        this.#redis = redis;
        this.#keys = keys;
    }
    /** The whole frame: at once where all its texts are known. @throws Error when one cannot be read */
    assemble(parts) {
        const texts = parts.map((part) => (typeof part === "string" ? part : this.#get(part.shared)));
        return texts.every((text) => typeof text === "string")
            ? texts.join("")
            : Promise.all(texts).then((all) => all.join(""));
    }
    #get(hash) {
        const text = this.#texts.get(hash);
        if (text === undefined) {
            const reading = this.#reading.get(hash) ?? this.#read(hash).finally(() => this.#reading.delete(hash));
            this.#reading.set(hash, reading);
            return reading;
        }
        this.#texts.delete(hash);
        this.#texts.set(hash, text);
        return text;
    }
    async #read(hash) {
        const text = await this.#redis.get(this.#keys.sharedText(hash));
        if (text === null)
            throw new Error(`the shared text ${hash} is gone`);
        this.#texts.set(hash, text);
        this.#characters += text.length;
        for (const [oldest, { length }] of this.#texts) {
            if (this.#characters <= MAX_CHARACTERS)
                break;
            this.#texts.delete(oldest);
            this.#characters -= length;
        }
        return text;
    }
}
/** The hash of the text that a frame shares with others; "" where it shares none. */
export function sharedHash(parts) {
    const part = parts.find((each) => typeof each !== "string");
    return part === undefined ? "" : part.shared;
}
//# sourceMappingURL=shared-texts.js.map