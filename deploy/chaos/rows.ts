/** What Postgres holds of the accounts of a run, for the checker. */
import { selectAudit } from "../../core/sql/audit-log.ts";
import type { Sql } from "../../core/sql/database.ts";
import { selectUsers } from "../../core/sql/users.ts";
import type { Row } from "./check/account.ts";
import type { HistoryEvent, Tag } from "./history.ts";
import { WORLD } from "./world/chaos-world.ts";

/** More than one account can have in a run. */
const MAX_AUDIT = 1_000_000;

/** Reads all accounts that logged in, by their names in the history. */
export async function readRows(sql: Sql, events: readonly HistoryEvent[]): Promise<Map<string, Row>> {
  const names = usersOf(events);
  const users = await selectUsers(sql, WORLD, "id", [...names.keys()]);
  const rows = users.map(async (user): Promise<[string, Row]> => {
    const audit = await selectAudit(sql, WORLD, user.id, MAX_AUDIT);
    const row: Row = {
      profile: tagOf(JSON.parse(user.profile)),
      clientState: tagOf(JSON.parse(user.client_state)),
      audit: audit.reverse().flatMap(({ event, data, command_id: commandId }): Row["audit"] => {
        if (event === "banned" || event === "reactivated") return [{ event }];
        if (event !== "profile") return [];
        const { old, new: now } = data as { old: unknown; new: unknown };
        return [{ event, old: tagOf(old), new: tagOf(now), commandId }];
      }),
    };
    return [names.get(user.id)!, row];
  });
  return new Map(await Promise.all(rows));
}

/** Names by account id. */
export function usersOf(events: readonly HistoryEvent[]): Map<string, string> {
  return new Map(events.flatMap((event) => (event.kind === "loggedIn" ? [[event.user, event.account]] : [])));
}

function tagOf(value: unknown): Tag | null {
  return (value as { tag?: Tag }).tag ?? null;
}
