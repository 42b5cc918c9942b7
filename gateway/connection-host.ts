/** What a connection asks of its gateway, what it is given for that, and its limits. */
import type { Effect, ReplyPart } from "../shared/envelope.ts";
import type { FrameId } from "../shared/protocol/frames.ts";
import type { Connection } from "./connection.ts";
import type { Asker } from "./load.ts";
import type { OutletHost } from "./outlet.ts";
import type { Frame } from "./pieced-frame.ts";

/** The answer to a command, whole or in parts. */
export interface Answer {
  frame: Frame;
  effect: Effect | null;
  /** The gateway's own words, not a worker's. */
  isOwn?: boolean;
  /** When its command went to the workers, by `performance.now()`. */
  sentAt?: number;
  /** A part of it; then `frame` is empty. */
  part?: ReplyPart;
  /** Of a login: the hash of the `world.config` in it. */
  config?: string;
}

/** A request that a worker is to answer. */
export interface Request {
  action: string;
  id: FrameId | undefined;
  text: string;
  /** When its frame was read, by `performance.now()`. */
  readAt: number;
}

/** Limits of every connection. */
export interface ConnectionLimits {
  maxQueue: number;
  maxMessageBytes: number;
  maxSendBufferBytes: number;
  rate: number;
  rateBurst: number;
  commandTimeoutMs: number;
}

/** What a connection asks of its gateway. */
export interface ConnectionHost extends OutletHost {
  limits: ConnectionLimits;
  /** Whether a request may come in now (`load.ts`). */
  admits(asker: Asker): boolean;
  /** So many more requests wait in a connection for their turn; negative: fewer. */
  waits(requests: number): void;
  /** Has a worker run a request; `answered` is called later, once, or once for each part. @returns its number */
  run(connection: Connection, request: Request, answered: (answer: Answer) => void): number;
  /** The connection is closed while a command is under way: it must not reach a worker if it has not yet. */
  abandon(command: number): void;
  /** Something waits in it until it may pass: `release` is to be called. */
  holds(connection: Connection): void;
  /** Whether it may become this user's: not behind a fence, and not where fences may have been missed meanwhile. */
  mayLogIn(connection: Connection, user: string, version: number, sentAt: number): "yes" | "fenced" | "again";
  /** It belongs to an account from now on. */
  loggedIn(connection: Connection, request: Request): void;
  /** A login was answered after its connection was closed, or may not be let in. */
  loggedInTooLate(connection: Connection, user: string): void;
  /** Its own command changed its account. */
  changed(connection: Connection, version: number): void;
  closed(connection: Connection): void;
  /** A bug: logged, then the connection is closed. */
  failed(connection: Connection, error: unknown): void;
}
