/** For the tests of the checker: a history of one account written down by hand, a second a line. */
import type { Row } from "../check/account.ts";
import { checkHistory } from "../check/checker.ts";
import type { HistoryEvent, Outcome, Seen, Tag } from "../history.ts";

/** Its account. */
export const ACCOUNT = "somebody";

const nothing: Seen = { profile: null, clientState: null };

/** @param text `client.seq`, or "-" */
export function tag(text: string): Tag | null {
  const [client = "", seq] = text.split(".");
  return text === "-" ? null : { client, seq: Number(seq) };
}

/** What the account's row and its audit log hold: changes of the profile in their order, "banned", "reactivated". */
export function rowOf(changes: readonly string[], end?: { profile?: string; clientState?: string }): Row {
  let before = "-";
  const audit = changes.map((change, i): Row["audit"][number] => {
    if (change === "banned" || change === "reactivated") return { event: change };
    const old = tag(before);
    before = change;
    return { event: "profile", old, new: tag(change), commandId: `gateway.${i}` };
  });
  return { profile: tag(end?.profile ?? before), clientState: tag(end?.clientState ?? "-"), audit };
}

/** Writes one. */
export class Story {
  readonly events: HistoryEvent[] = [];
  #at = 0;

  #add(connection: number, event: object): this {
    this.#at += 1_000;
    this.events.push({ at: this.#at, account: ACCOUNT, connection, ...event } as HistoryEvent);
    return this;
  }

  /** Time passes. */
  wait(ms: number): this {
    this.#at += ms;
    return this;
  }

  /** A connection opens and logs in, over the gateway of its number. */
  opens(connection: number, seen: Partial<Seen> = {}): this {
    this.#add(connection, { kind: "opened", gateway: `gateway-${connection}`, client: "a" });
    return this.#add(connection, { kind: "loggedIn", user: "id", seen: { ...nothing, ...seen } });
  }

  sends(connection: number, id: number, what: string, field: "profile" | "clientState" = "profile"): this {
    return this.#add(connection, { kind: "sent", id, command: "user.update", field, tag: tag(what) });
  }

  hears(connection: number, id: number, outcome: Outcome = "success"): this {
    return this.#add(connection, { kind: "answered", id, outcome, code: null });
  }

  isPushed(connection: number, profile: string, clientState = "-"): this {
    const seen = { profile: tag(profile), clientState: tag(clientState) };
    return this.#add(connection, { kind: "pushed", seen });
  }

  isTold(connection: number, text: string): this {
    return this.#add(connection, { kind: "frame", text });
  }

  closes(connection: number, byUs = false): this {
    return this.#add(connection, { kind: "closed", code: 1006, byUs });
  }

  isBanned(): this {
    return this.#add(0, { kind: "banned" });
  }

  isReactivated(): this {
    return this.#add(0, { kind: "reactivated" });
  }

  /** @returns what the checker says about it, once all is over */
  judge(row: Row) {
    return checkHistory(this.events, new Map([[ACCOUNT, row]]), this.#at);
  }
}
