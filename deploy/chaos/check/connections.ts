/** Rules about answers: in order, once, and never silence. */
import type { EventOf, HistoryEvent } from "../history.ts";
import type { Account, Violation } from "./account.ts";

/** A gateway gives up after 10 s, and may be stopped for a while itself. */
const ANSWER_MS = 14_000;

/** @param end when the run was over */
export function checkConnections(account: Account, end: number): Violation[] {
  return [...account.connections.values()].flatMap((events) => checkConnection(account.name, events, end));
}

function checkConnection(account: string, events: HistoryEvent[], end: number): Violation[] {
  const waiting: EventOf<"sent">[] = [];
  const broken = (rule: string, message: string, shown: HistoryEvent[]) => [
    { rule, account, message, events: shown },
  ];
  for (const event of events) {
    if (event.kind === "sent") waiting.push(event);
    else if (event.kind === "answered") {
      const [next] = waiting;
      if (next?.id === event.id) waiting.shift();
      else {
        const asked = events.filter((each) => each.kind === "sent" && each.id === event.id);
        const message = next === undefined ? "an answer that nobody waits for" : `answered before ${next.id}`;
        return broken("answers in order, once", message, [...asked, ...(next ? [next] : []), event]);
      }
    } else if (event.kind === "frame" && !isExpected(event.text))
      return broken("no bug", `it was sent ${event.text}`, [event]);
  }
  const closed = events.find((event) => event.kind === "closed");
  const [silent] = waiting;
  if (silent === undefined || (closed?.at ?? end) - silent.at < ANSWER_MS) return [];
  const shown = closed === undefined ? [silent] : [silent, closed];
  return broken("never silence", `no answer within ${ANSWER_MS / 1_000} s, and it was not closed`, shown);
}

/** What a gateway says of itself on a connection's way out, and news of the world. */
function isExpected(text: string): boolean {
  return /^\["(connection\.reload|world\.updated)"/.test(text);
}
