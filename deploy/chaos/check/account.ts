/** What one account's history and rows say, in the form that the rules ask for. */
import type { EventOf, HistoryEvent, Tag } from "../history.ts";
import { formatTag } from "../history.ts";

/** A change of a profile as the audit log has it. */
export interface ProfileChange {
  old: Tag | null;
  new: Tag | null;
  commandId: string | null;
}

/** What Postgres holds of an account. */
export interface Row {
  profile: Tag | null;
  clientState: Tag | null;
  /** The oldest first; what is no change of the profile has its name alone. */
  audit: (({ event: "profile" } & ProfileChange) | { event: "banned" | "reactivated" })[];
}

/** One update as its sender saw it. */
export interface SentUpdate {
  tag: Tag;
  field: "profile" | "clientState";
  sent: EventOf<"sent">;
  answer: EventOf<"answered"> | null;
}

/** A promise that was not kept, with the least that shows it. */
export interface Violation {
  rule: string;
  account: string;
  message: string;
  events: HistoryEvent[];
}

/** An account in a run. */
export interface Account {
  name: string;
  events: HistoryEvent[];
  connections: Map<number, HistoryEvent[]>;
  /** By `formatTag`. */
  updates: Map<string, SentUpdate>;
  row: Row;
  /** Changes of the profile, the oldest first. */
  changes: ProfileChange[];
}

export function readAccount(name: string, events: HistoryEvent[], row: Row): Account {
  const connections = new Map<number, HistoryEvent[]>();
  const updates = new Map<string, SentUpdate>();
  const asked = new Map<string, SentUpdate>();
  for (const event of events) {
    const list = connections.get(event.connection) ?? [];
    list.push(event);
    connections.set(event.connection, list);
    if (event.kind === "sent" && event.tag !== undefined) {
      const update: SentUpdate = { tag: event.tag, field: event.field!, sent: event, answer: null };
      updates.set(formatTag(event.tag), update);
      asked.set(`${event.connection}/${event.id}`, update);
    } else if (event.kind === "answered") {
      const update = asked.get(`${event.connection}/${event.id}`);
      if (update !== undefined) update.answer ??= event;
    }
  }
  const changes = row.audit.filter((entry) => entry.event === "profile");
  return { name, events, connections, updates, row, changes };
}

/**
 * Whether `a` was over before `b` began: then `a` is the older one, whatever way each took. One client's updates
 * are in the order in which it sent them, also over several connections.
 */
export function isOlder(a: SentUpdate, b: SentUpdate): boolean {
  if (a.tag.client === b.tag.client) return a.tag.seq < b.tag.seq;
  return isAcknowledged(a) && a.answer!.at < b.sent.at;
}

export function isAcknowledged({ answer }: SentUpdate): boolean {
  return answer?.outcome === "success";
}

/** All that the account's history has of these updates, and of the connections that they went over. */
export function eventsAbout(account: Account, updates: readonly SentUpdate[]): HistoryEvent[] {
  const wanted = new Set<HistoryEvent>();
  for (const { sent, answer } of updates) {
    wanted.add(sent);
    if (answer !== null) wanted.add(answer);
    for (const event of account.connections.get(sent.connection) ?? [])
      if (event.kind === "opened" || event.kind === "closed") wanted.add(event);
  }
  return account.events.filter((event) => wanted.has(event));
}
