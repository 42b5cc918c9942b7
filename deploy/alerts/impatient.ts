/** The project's alerts for somebody who cannot wait: what is wrong is the same, only the times are short. */
import type { Alert } from "../prometheus/alerts.ts";

/** As far back as an alert looks. Some scrapes have to be in it, which come once a second. */
const WINDOW = "8s";
const HOLDS = "1s";
/** How old a gateway has to be before its canary counts. */
const STARTED_S = 5;

/**
 * @returns the same alert with short windows, a short `for`, and less time for a node that has just started. What a
 * value is compared with stays.
 */
export function impatient(alert: Alert): Alert {
  return {
    ...alert,
    expr: alert.expr
      .replace(/\[\d+[smh]\]/g, `[${WINDOW}]`)
      .replace(/(process_start_time_seconds) > \d+/, `$1 > ${STARTED_S}`),
    for: alert.for === "0s" ? alert.for : HOLDS,
  };
}
