/** What happened in a run, in the order in which this process saw it. Only ever added to. */

/** A value that an update writes: which update it was. */
export interface Tag {
  /** Which of the account's clients sent it. */
  client: string;
  /** From 1, in the order in which that client sent them. */
  seq: number;
}

/** What an answer said. */
export type Outcome = "success" | "refused" | "unknown";

/** Common to all of them: ms since the start of the load, the account, the connection. */
interface About {
  at: number;
  account: string;
  /** Unique in the run. */
  connection: number;
}

/** What is known of an account's values at one moment. */
export interface Seen {
  profile: Tag | null;
  clientState: Tag | null;
}

export type HistoryEvent =
  | (About & { kind: "opened"; gateway: string; client: string })
  | (About & { kind: "sent"; id: number; command: string; field?: "profile" | "clientState"; tag?: Tag })
  | (About & { kind: "answered"; id: number; outcome: Outcome; code: string | null })
  /** The login's answer. */
  | (About & { kind: "loggedIn"; user: string; seen: Seen })
  | (About & { kind: "pushed"; seen: Seen })
  /** Any other frame. */
  | (About & { kind: "frame"; text: string })
  | (About & { kind: "closed"; code: number; byUs: boolean })
  /** A moderator's ban of the account was answered; what this process had received by then is recorded before it. */
  | (About & { kind: "banned" })
  | (About & { kind: "reactivated" });

/** Its kinds, each as its own type. */
export type EventOf<K extends HistoryEvent["kind"]> = Extract<HistoryEvent, { kind: K }>;

/** When a fault really began and ended, which takes a moment longer than planned. */
export interface FaultTimes {
  label: string;
  /** The nodes that it concerned: a store concerns all. */
  nodes: readonly string[];
  from: number;
  to: number;
}

type Unstamped<T> = T extends unknown ? Omit<T, "at"> : never;

/** Records. */
export class History {
  readonly events: HistoryEvent[] = [];
  readonly #start = performance.now();

  /** ms since the start. */
  now(): number {
    return performance.now() - this.#start;
  }

  add(event: Unstamped<HistoryEvent>): void {
    this.events.push({ at: this.now(), ...event } as HistoryEvent);
  }
}

/** An event in one line, for a report. */
export function formatEvent(event: HistoryEvent): string {
  const { at, account, connection, kind, ...rest } = event;
  const details = Object.entries(rest).map(([name, value]) => `${name}=${formatValue(value)}`);
  return `${at.toFixed(1).padStart(9)} ms  ${account} #${connection}  ${kind.padEnd(9)} ${details.join(" ")}`;
}

function formatValue(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  if ("seq" in value) return formatTag(value as Tag);
  return Object.entries(value)
    .map(([name, inner]) => `${name}:${formatValue(inner)}`)
    .join(",");
}

/** `client.seq` */
export function formatTag(tag: Tag | null): string {
  return tag === null ? "-" : `${tag.client}.${tag.seq}`;
}
