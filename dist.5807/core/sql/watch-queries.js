/**
 * Watches every statement of this process from now on, those of transactions and the `begin` of each included.
 *
 * @param sql any pool: all have one class of statements
 * @param observe is told of each that ended: how long it took in seconds, waiting for a connection included
 */
export function watchQueries(sql, observe) {
    const underWay = new Set();
    // Never waited for, so never sent.
    const statement = sql `select`;
    const driver = Object.getPrototypeOf(statement);
    const { handle } = driver;
    driver.handle = function () {
        if (!this.executed) {
            const started = performance.now();
            const { resolve, reject } = this;
            const ended = () => {
                underWay.delete(this);
                observe((performance.now() - started) / 1000);
            };
            this.resolve = (value) => {
                ended();
                resolve(value);
            };
            this.reject = (error) => {
                ended();
                reject(error);
            };
            underWay.add(this);
        }
        return handle.call(this);
    };
    return {
        waiting() {
            let count = 0;
            for (const { state } of underWay)
                if (state === null)
                    count++;
            return count;
        },
    };
}
//# sourceMappingURL=watch-queries.js.map