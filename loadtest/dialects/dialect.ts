/** What a server speaks over its WebSocket: the same generator drives Foyer and its peers through one of these. */
import type { Connection } from "../frame-client.ts";

/** One client of the load, connected or on its way. */
export interface Member {
  /** From 0, over all generators. */
  readonly index: number;
  /** Members of one user, or one room of a peer, hear each other. */
  readonly user: number;
  /** Whether it is the one of its user that changes things and tells: two at once would supersede each other. */
  readonly leads: boolean;
  /** What it logs in with. */
  readonly login: string;
  connection: Connection | null;
  /** The account's id, where there are accounts. */
  id: string;
}

/** What a frame turned out to be: an answer, or somebody else's news. */
export type Heard = { n: number; outcome: string } | { news: number } | null;

/** What a member may ask for; `tell` is what the others of its user, or room, are to hear. */
export type Kind = "echo" | "fetch" | "update" | "search" | "list" | "ping" | "tell" | "ban";

/** A protocol. */
export interface Dialect {
  /** Where a member connects to. */
  url(base: string, member: Member): string;
  /** Greets and logs in after the upgrade. @throws Error with the code of a refusal */
  enter(connection: Connection, member: Member): Promise<void>;
  /** Frame number `n`; `other` is whom it is about, where it is about somebody. */
  frame(kind: Kind, n: number, member: Member, other: Member): string;
  /** Whether the sender of this is told when it is done; else nobody counts but those who hear of it. */
  isAnswered(kind: Kind): boolean;
  /** Reads as little of a frame as tells what it is: parsing all of it would be the bottleneck. */
  hear(text: string, member: Member): Heard;
  /** Why the answer to what was asked about `other` is a wrong one; null: it is not. */
  judge?(kind: Kind, text: string, other: Member): string | null;
}

/** How long a server may take to greet. */
const GREET_MS = 30_000;

/**
 * Waits for the first text that `take` makes something of. Whoever connects sets `onMessage` anew afterwards.
 *
 * @param take undefined: not this one @throws Error what `take` throws, or when the connection ends
 */
export function heardFirst<T>(connection: Connection, take: (text: string) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      connection.onMessage = () => {};
      connection.onClose = () => {};
      act();
    };
    const timer = setTimeout(() => settle(() => reject(new Error("no answer to the login"))), GREET_MS);
    connection.onClose = (code) => settle(() => reject(new Error(`closed with ${code} at the login`)));
    connection.onMessage = (text) => {
      try {
        const taken = take(text);
        if (taken !== undefined) settle(() => resolve(taken));
      } catch (error) {
        settle(() => reject(error as Error));
      }
    };
  });
}
