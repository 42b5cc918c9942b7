/** What a generator is told to do, and what it tells: all of it plain data, as it crosses process borders. */
import type { Kind } from "../dialects/dialect.ts";
import type { Search } from "../dialects/foyer.ts";
import type { People } from "../logins.ts";
import type { Snapshot } from "../recorder.ts";

/** The protocol of a side, as data. */
export type DialectName =
  | { name: "foyer"; searches?: readonly Search[] }
  | { name: "echo"; bytes: number }
  | { name: "socket.io"; bytes: number; event: "echo" | "far-echo" }
  | { name: "pusher"; bytes: number };

/** Connections that are opened and logged in. */
export interface JoinPlan {
  /** Acts name the members by it. */
  group: string;
  dialect: DialectName;
  /** Members take turns with them. */
  urls: readonly string[];
  /** Of the first member, over all generators. */
  first: number;
  count: number;
  /** Members of one user. */
  tabs: number;
  people: People;
  /** How it is counted: `join`, or what else it is to be called. */
  label?: string;
  /** So many a second, whether or not those before are in; else so many under way at once. */
  pace: { rate: number } | { atOnce: number };
  /** Who is sent away comes back within so many ms; undefined: stays away. */
  comeBackMs?: number | undefined;
  /** No member begins later than this. */
  seconds?: number | undefined;
}

/** Each member asks the next once the last is answered. */
export interface ClosedPlan {
  group: string;
  /** In turns. */
  kinds: readonly Kind[];
  warmUpMs: number;
  measureMs: number;
  graceMs: number;
}

/** So much a second, whether or not it is answered; times count from when each was due. */
export interface OpenPlan {
  group: string;
  rates: Partial<Record<Kind, number>>;
  seconds: number;
  graceMs: number;
  /** Whom `ban` is about; they are taken in turn, each once. */
  victims?: string;
}

/** One member tells all others of its user, and again once all have heard it. */
export interface TellPlan {
  group: string;
  warmUpMs: number;
  measureMs: number;
  graceMs: number;
}

/** What a generator can do, by name. */
export interface Acts {
  join(plan: JoinPlan): Promise<{ joined: number; seconds: number }>;
  closed(plan: ClosedPlan): Promise<{ rate: number; snapshot: Snapshot }>;
  open(plan: OpenPlan): Promise<{ sent: number; unanswered: number; snapshot: Snapshot }>;
  tell(plan: TellPlan): Promise<{ messages: number; heard: number; seconds: number; snapshot: Snapshot }>;
  /** Says goodbye for all of a group; resolves when their connections are closed. */
  leave(plan: { group: string }): Promise<{ left: number }>;
  /** How many of a group are connected. */
  count(plan: { group: string }): Promise<{ connected: number }>;
  /** What is under way ends early. */
  stop(plan: object): Promise<object>;
}

/** Told every second, and when an act ends. */
export interface Tick {
  /** ms since the epoch. */
  at: number;
  snapshot: Snapshot;
  connected: number;
  /** Share of a processor since the last tick; null: that was only a moment ago. */
  cpu: number | null;
  /** The slowest turn of the event loop but for one in a hundred, ms, since the last tick. */
  delayMs: number;
}
