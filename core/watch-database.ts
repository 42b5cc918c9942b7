/** Whether Postgres answers, for readiness. */
import { pause } from "../shared/backoff.ts";
import type { Sql } from "./sql/database.ts";

const EVERY_MS = 2_000;

/** Asks again and again until `signal` aborts. */
export function watchDatabase(sql: Sql, signal: AbortSignal): { isUp(): boolean } {
  let up = false;
  const watch = async () => {
    while (!signal.aborted) {
      const late = setTimeout(() => {
        up = false;
      }, EVERY_MS);
      try {
        await sql`select 1`;
        up = true;
      } catch {
        up = false;
      }
      clearTimeout(late);
      await pause(up ? EVERY_MS : 200, signal);
    }
  };
  void watch();
  return { isUp: () => up };
}
