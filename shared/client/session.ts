/** One connection of a client, from opening through its login to its end: frames become what they mean. */
import { closeCodes } from "../protocol/close-codes.ts";
import { type CommandError, commandError } from "./command-error.ts";
import { type Close, linkFrames } from "./frame-link.ts";
import { keepAlive } from "./keepalive.ts";
import type { Authenticated, Login } from "./messages.ts";
import type { WebSocketConstructor } from "./web-socket.ts";

interface SessionOptions {
  url: string;
  WebSocket: WebSocketConstructor;
  login(): Login;
  /** Longest time until it is open. */
  openMs: number;
  /** Longest time until silence is noticed; 0 is never. */
  silenceMs: number;
}

/** What happens on a connection; `closed` comes last, and once. */
export interface SessionEvents {
  /** Every frame as it came, before what it means. */
  frame(text: string): void;
  loggedIn(payload: Authenticated): void;
  /** A frame after login. */
  heard(frame: unknown[]): void;
  /** @param refusal what the login was answered with, where it was refused */
  closed(close: Close, refusal: CommandError | null): void;
}

/** One connection. */
export interface Session {
  /** @returns whether it was open */
  send(text: string): boolean;
  /** Says goodbye, and waits for the server's for a moment. */
  close(): void;
}

const GOODBYE_MS = 2_000;

/** Opens one and logs in. */
export function openSession(options: SessionOptions, events: SessionEvents): Session {
  let isLoggedIn = false;
  let refusal: CommandError | null = null;
  let pings = 0;
  const link = linkFrames(new options.WebSocket(options.url), {
    open() {
      clearTimeout(timer);
      link.send(JSON.stringify(["authenticate", options.login()]));
    },
    text(text) {
      alive.heard();
      events.frame(text);
      const frame = readFrame(text);
      if (frame === null) return link.abandon("the server sent what is no frame");
      const code = orderOf(frame);
      // It is about to be closed: acting at once, with the code that follows, needs no second signal.
      if (code !== null) return link.leave({ code, reason: String(frame[0]) });
      if (isLoggedIn) return events.heard(frame);
      if (frame[0] === "authenticated") {
        isLoggedIn = true;
        return events.loggedIn(frame[1] as Authenticated);
      }
      if (frame[0] !== "error") return;
      refusal = commandError(frame.at(-1));
      link.close(1000);
    },
    closed(close) {
      clearTimeout(timer);
      alive.stop();
      events.closed(close, refusal);
    },
  });
  const alive = keepAlive({
    silenceMs: options.silenceMs,
    ping: () => void link.send(JSON.stringify(["ping", ++pings])),
    silent: () => link.abandon("nothing came any more"),
  });
  let timer = setTimeout(() => link.abandon("it did not open in time"), options.openMs);
  return {
    send: link.send,
    close() {
      clearTimeout(timer);
      link.close(1000);
      timer = setTimeout(() => link.abandon("no goodbye came"), GOODBYE_MS);
    },
  };
}

/** The close code that a pushed order announces; null for any other frame. */
function orderOf([action, body]: unknown[]): number | null {
  if (action === "connection.reload") return closeCodes.reload;
  const isReplaced = action === "error" && commandError(body).code === "connection.replaced";
  return isReplaced ? closeCodes.replaced : null;
}

function readFrame(text: string): unknown[] | null {
  try {
    const frame: unknown = JSON.parse(text);
    return Array.isArray(frame) ? frame : null;
  } catch {
    return null;
  }
}
