/**
 * How long statements take, and how many wait for a connection. The driver tells neither, so its statements are
 * watched where each begins: they are promises that start when somebody waits for them.
 */
import type { Sql } from "./database.ts";

/** What we read of the driver's own class (postgres 3.4, `src/query.js`). */
interface DriverQuery {
  executed: boolean;
  /** The connection that it was sent on; null before. */
  state: object | null;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  handle(): Promise<void>;
}

/**
 * Watches every statement of this process from now on, those of transactions and the `begin` of each included.
 *
 * @param sql any pool: all have one class of statements
 * @param observe is told of each that ended: how long it took in seconds, waiting for a connection included
 */
export function watchQueries(sql: Sql, observe: (seconds: number) => void): { waiting(): number } {
  const underWay = new Set<DriverQuery>();
  // Never waited for, so never sent.
  const statement = sql`select` as unknown as DriverQuery;
  const driver = Object.getPrototypeOf(statement) as DriverQuery;
  const { handle } = driver;
  driver.handle = function (this: DriverQuery) {
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
      for (const { state } of underWay) if (state === null) count++;
      return count;
    },
  };
}
