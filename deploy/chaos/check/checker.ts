/** A recorded history and what the database holds → what was promised and not kept. Pure. */
import type { HistoryEvent } from "../history.ts";
import { type Row, readAccount, type Violation } from "./account.ts";
import { checkConnections } from "./connections.ts";
import { checkPushes } from "./pushes.ts";
import { checkUpdates } from "./updates.ts";

const nothing: Row = { profile: null, clientState: null, audit: [] };

/**
 * Checks all but recovery.
 *
 * @param rows by account's name
 * @param end when the run was over; null while it is not, and nobody need have converged
 */
export function checkHistory(
  events: readonly HistoryEvent[],
  rows: ReadonlyMap<string, Row>,
  end: number | null,
): Violation[] {
  const byAccount = new Map<string, HistoryEvent[]>();
  for (const event of events) {
    const its = byAccount.get(event.account);
    if (its === undefined) byAccount.set(event.account, [event]);
    else its.push(event);
  }
  return [...byAccount].flatMap(([name, its]) => {
    const account = readAccount(name, its, rows.get(name) ?? nothing);
    return [
      ...checkUpdates(account),
      ...checkConnections(account, end ?? 0),
      ...checkPushes(account, end !== null),
    ];
  });
}
