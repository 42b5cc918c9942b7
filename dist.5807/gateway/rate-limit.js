/** A token bucket: so many a second, so many at once. Pure but for what it remembers. */
export class RateLimit {
    #rate;
    #burst;
    #tokens;
    #at;
    /**
     * @param rate tokens a second; 0: no limit
     * @param burst tokens that fit in
     * @param now ms by a clock that never goes back
     */
    constructor(rate, burst, now) {
        this.#rate = rate;
        this.#burst = Math.max(burst, 1);
        this.#tokens = this.#burst;
        this.#at = now;
    }
    /** Takes one, or more: all there can be, at the most. @returns 0, or ms until there are as many again */
    take(now, wanted = 1) {
        if (this.#rate === 0)
            return 0;
        const tokens = Math.min(wanted, this.#burst);
        this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate);
        this.#at = now;
        if (this.#tokens >= tokens) {
            this.#tokens -= tokens;
            return 0;
        }
        return Math.ceil(((tokens - this.#tokens) / this.#rate) * 1000);
    }
}
//# sourceMappingURL=rate-limit.js.map