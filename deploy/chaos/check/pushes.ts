/** Rules about what connections get to see: never older after newer, in the end the truth, nothing after a ban. */
import { formatTag, type HistoryEvent, type Tag } from "../history.ts";
import { type Account, isAcknowledged, type Violation } from "./account.ts";

/** Where a connection is: the place of what it has seen among all that there was. */
interface View {
  profile: number;
  clientState: number;
}

/** For one account; `isOver`: nothing is under way any more, all must have converged. */
export function checkPushes(account: Account, isOver: boolean): Violation[] {
  const places = new Map(account.changes.map(({ new: tag }, place) => [formatTag(tag), place]));
  const found = [...account.connections.values()].flatMap((events) =>
    checkConnection(account, places, events, isOver),
  );
  return [...found, ...checkBans(account), ...checkBanEffects(account)];
}

function checkConnection(
  account: Account,
  places: ReadonlyMap<string, number>,
  events: HistoryEvent[],
  isOver: boolean,
): Violation[] {
  const view: View = { profile: -1, clientState: 0 };
  const broken = (rule: string, message: string, shown: HistoryEvent[]) => [
    { rule, account: account.name, message, events: shown },
  ];
  const showing = new Map<string, HistoryEvent>();
  let last: HistoryEvent | undefined;
  for (const event of events) {
    const seen = seenBy(account, event);
    if (seen === null) continue;
    for (const field of ["profile", "clientState"] as const) {
      const tag = seen[field];
      if (tag === undefined) continue;
      const place = field === "profile" ? placeOf(places, tag) : (tag?.seq ?? 0);
      if (place === undefined) {
        // Of an acknowledged update that something newer took the place of, nothing is to be seen.
        if (event.kind === "answered") continue;
        return broken("unknown state", `it was shown ${formatTag(tag)}, which never was`, [event]);
      }
      // Its own answer takes another way than pushes do, and says nothing of the state that it left behind.
      if (place < view[field] && event.kind === "answered") continue;
      if (place < view[field]) {
        const before = showing.get(field);
        const shown = before === undefined ? [event] : [before, event];
        return broken("older after newer", `${field} went back to ${formatTag(tag)}`, shown);
      }
      if (place > view[field]) showing.set(field, event);
      view[field] = place;
    }
    last = event;
  }
  if (!isOver || last === undefined || events.some(({ kind }) => kind === "closed")) return [];
  return checkConverged(account, view, events, last);
}

/** What an event shows of the account: a field that is undefined is not shown. */
function seenBy(
  account: Account,
  event: HistoryEvent,
): { profile?: Tag | null; clientState?: Tag | null } | null {
  if (event.kind === "pushed" || event.kind === "loggedIn") return event.seen;
  if (event.kind !== "answered" || event.outcome !== "success") return null;
  const sent = account.connections
    .get(event.connection)!
    .find((each) => each.kind === "sent" && each.id === event.id);
  return sent?.kind === "sent" && sent.tag !== undefined ? { [sent.field!]: sent.tag } : null;
}

function placeOf(places: ReadonlyMap<string, number>, tag: Tag | null): number | undefined {
  return tag === null ? -1 : places.get(formatTag(tag));
}

function checkConverged(
  account: Account,
  view: View,
  events: HistoryEvent[],
  last: HistoryEvent,
): Violation[] {
  const { row, changes, updates } = account;
  const fields = [
    { field: "profile", tag: row.profile, isThere: view.profile === changes.length - 1 },
    { field: "clientState", tag: row.clientState, isThere: view.clientState === (row.clientState?.seq ?? 0) },
  ] as const;
  for (const { field, tag, isThere } of fields) {
    if (isThere) continue;
    // Its own, of which it was told that the outcome is unknown: it is to ask again.
    const update = updates.get(formatTag(tag));
    const isOwn = update !== undefined && update.sent.connection === last.connection;
    if (isOwn && !isAcknowledged(update)) continue;
    const begin = events.filter(({ kind }) => kind === "opened");
    const message = `${field} is ${formatTag(tag)}, which a connection that is open was never told`;
    const cause = update === undefined ? [] : [update.sent, ...(update.answer ? [update.answer] : [])];
    return [{ rule: "converges", account: account.name, message, events: [...begin, last, ...cause] }];
  }
  return [];
}

/** From the moment a ban is answered nothing arrives. */
function checkBans(account: Account): Violation[] {
  let ban: HistoryEvent | null = null;
  for (const event of account.events) {
    if (event.kind === "banned") ban = event;
    else if (event.kind === "reactivated") ban = null;
    const isLate =
      event.kind === "pushed" ||
      event.kind === "loggedIn" ||
      (event.kind === "answered" && event.outcome === "success");
    if (ban === null || !isLate) continue;
    const message = "a frame reached an account whose ban had been answered";
    return [{ rule: "ban is absolute", account: account.name, message, events: [ban, event] }];
  }
  return [];
}

/** While an account is banned nothing of it takes effect. */
function checkBanEffects(account: Account): Violation[] {
  let isBanned = false;
  for (const entry of account.row.audit) {
    if (entry.event !== "profile") isBanned = entry.event === "banned";
    else if (isBanned) {
      const update = account.updates.get(formatTag(entry.new));
      const message = `${formatTag(entry.new)} took effect while the account was banned`;
      const events = update === undefined ? [] : [update.sent, ...(update.answer ? [update.answer] : [])];
      return [{ rule: "ban is absolute", account: account.name, message, events }];
    }
  }
  return [];
}
