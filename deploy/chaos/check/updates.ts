/** Rules about what updates did: nothing acknowledged is lost, later wins, no effect twice. */
import { formatTag, type Tag } from "../history.ts";
import {
  type Account,
  eventsAbout,
  isAcknowledged,
  isOlder,
  type ProfileChange,
  type SentUpdate,
  type Violation,
} from "./account.ts";

/** All of them, for one account. */
export function checkUpdates(account: Account): Violation[] {
  return [
    ...checkChain(account),
    ...checkEffects(account),
    ...checkOrder(account),
    ...checkLost(account),
    ...checkClientState(account),
  ];
}

function violation(account: Account, rule: string, message: string, updates: SentUpdate[]): Violation {
  return { rule, account: account.name, message, events: eventsAbout(account, updates) };
}

function find(account: Account, tag: Tag | null): SentUpdate[] {
  const update = account.updates.get(formatTag(tag));
  return update === undefined ? [] : [update];
}

/** Each change begins where the one before ended, and the last one is what is there. */
function checkChain(account: Account): Violation[] {
  let before: Tag | null = null;
  for (const { old, new: now } of [...account.changes, { old: account.row.profile, new: null }]) {
    if (formatTag(old) !== formatTag(before)) {
      const message = `the profile was ${formatTag(before)}, and then ${formatTag(old)} without a change on record`;
      return [
        violation(
          account,
          "lost update",
          message,
          [before, old, now].flatMap((tag) => find(account, tag)),
        ),
      ];
    }
    before = now;
  }
  return [];
}

/** No command has its effect twice, and none that was refused has any. */
function checkEffects(account: Account): Violation[] {
  const commands = new Set<string>();
  const found: Violation[] = [];
  for (const { new: tag, commandId } of account.changes) {
    const updates = find(account, tag);
    const name = formatTag(tag);
    if (commands.has(`tag ${name}`) || commands.has(`id ${commandId}`))
      found.push(violation(account, "effect twice", `${name} took effect twice, as ${commandId}`, updates));
    commands.add(`tag ${name}`).add(`id ${commandId}`);
    if (updates.length === 0)
      found.push(violation(account, "unknown update", `${name} took effect, and nobody sent it`, []));
    if (updates[0]?.answer?.outcome === "refused")
      found.push(violation(account, "refused, yet done", `${name} was refused and took effect`, updates));
  }
  return found;
}

/** No change comes after one that is newer. */
function checkOrder(account: Account): Violation[] {
  const updates = account.changes.flatMap(({ new: tag }) => find(account, tag));
  for (const [place, update] of updates.entries()) {
    const newer = updates.slice(0, place).find((earlier) => isOlder(update, earlier));
    if (newer === undefined) continue;
    const message = `${formatTag(update.tag)} took effect over ${formatTag(newer.tag)}, which is newer`;
    return [violation(account, "older over newer", message, [update, newer])];
  }
  return [];
}

/** What was acknowledged took effect, or something that was under way at the same time took its place. */
function checkLost(account: Account): Violation[] {
  const done = new Set(account.changes.map(({ new: tag }: ProfileChange) => formatTag(tag)));
  const effective = account.changes.flatMap(({ new: tag }) => find(account, tag));
  for (const update of account.updates.values()) {
    if (update.field !== "profile" || !isAcknowledged(update) || done.has(formatTag(update.tag))) continue;
    const instead = effective.some((other) => !isOlder(other, update) && other.sent.at < update.answer!.at);
    if (instead) continue;
    const message = `${formatTag(update.tag)} was acknowledged and never took effect`;
    return [violation(account, "lost update", message, [update])];
  }
  return [];
}

/** Its changes are on no record: what is there must not be older than anything that was acknowledged. */
function checkClientState(account: Account): Violation[] {
  const { clientState: tag } = account.row;
  const [last] = find(account, tag);
  if (tag !== null && last === undefined)
    return [violation(account, "unknown update", `${formatTag(tag)} is there, and nobody sent it`, [])];
  for (const update of account.updates.values()) {
    if (update.field !== "clientState" || !isAcknowledged(update)) continue;
    if (last !== undefined && !isOlder(last, update)) continue;
    const message = `client_state is ${formatTag(tag)}, and ${formatTag(update.tag)} was acknowledged after it`;
    return [violation(account, "lost update", message, last === undefined ? [update] : [last, update])];
  }
  return [];
}
