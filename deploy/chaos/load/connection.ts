/** One WebSocket of a chaos client: everything that goes over it is written into the history as it happens. */
import WebSocket from "ws";
import { linkFrames } from "../../../shared/client/frame-link.ts";
import type { History, Outcome, Seen, Tag } from "../history.ts";

/** An answer, or that there will be none. */
export interface Answer {
  outcome: Outcome | "closed" | "late";
  code: string | null;
  payload: Payload;
}

// biome-ignore lint/suspicious/noExplicitAny: frames are JSON; what is taken out of them is checked there
type Payload = any;

/** What an update writes. */
export interface Update {
  field: "profile" | "clientState";
  tag: Tag;
}

interface ConnectionOptions {
  url: string;
  gateway: string;
  account: string;
  client: string;
  number: number;
  history: History;
}

const OPEN_MS = 3_000;

/** Nothing was done, for certain. Whatever else is no success leaves that open. */
const refusals = new Set([
  "auth.denied",
  "auth.missing_token",
  "auth.expired_token",
  "auth.invalid_token",
  "protocol.rate_limited",
  "protocol.unauthenticated",
  "server.overloaded",
  "user.not_found",
]);

/** A connection that stands. */
export interface ChaosConnection {
  isOpen(): boolean;
  /** Sends a command; resolves with its answer, "closed", or "late" after `patienceMs`. */
  ask(command: string, body: object, patienceMs: number, update?: Update): Promise<Answer>;
  logIn(body: object, patienceMs: number): Promise<Answer>;
  /** Breaks it off. */
  end(): void;
}

/** Opens one. @returns null where nobody lets it in */
export async function openConnection(options: ConnectionOptions): Promise<ChaosConnection | null> {
  const { url, gateway, account, client, number, history } = options;
  const socket = new WebSocket(url, { handshakeTimeout: OPEN_MS, perMessageDeflate: false });
  const about = { account, connection: number };
  const waiting = new Map<number, (answer: Answer) => void>();
  let lastId = 0;
  let isOver = false;
  const over = (code: number, byUs: boolean) => {
    if (isOver) return;
    isOver = true;
    history.add({ ...about, kind: "closed", code, byUs });
    for (const resolve of waiting.values()) resolve({ outcome: "closed", code: null, payload: null });
    waiting.clear();
  };
  const answer = (id: number, outcome: Outcome, code: string | null, payload: Payload) => {
    history.add({ ...about, kind: "answered", id, outcome, code });
    waiting.get(id)?.({ outcome, code, payload });
    waiting.delete(id);
  };
  linkFrames(socket, {
    text(text) {
      if (isOver) return;
      const [action, first, second] = JSON.parse(text) as [string, Payload, Payload];
      if (action === "user.updated") history.add({ ...about, kind: "pushed", seen: seenOf(first) });
      else if (action === "authenticated") {
        const user = first["user.config"];
        history.add({ ...about, kind: "loggedIn", user: user.id, seen: seenOf(user) });
        answer(0, "success", null, first);
      } else if (action === "success") answer(first, "success", null, second);
      else if (action === "error" && typeof first === "number") {
        answer(first, refusals.has(second.code) ? "refused" : "unknown", second.code, second);
      } else history.add({ ...about, kind: "frame", text });
    },
    closed: ({ code }) => over(code, false),
  });
  const isThere = await new Promise<boolean>((resolve) => {
    socket.once("open", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
  if (!isThere) {
    isOver = true;
    return null;
  }
  history.add({ ...about, kind: "opened", gateway, client });

  const send = (id: number, frame: unknown[], patienceMs: number) =>
    new Promise<Answer>((resolve) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        resolve({ outcome: "late", code: null, payload: null });
      }, patienceMs);
      waiting.set(id, (its) => {
        clearTimeout(timer);
        resolve(its);
      });
      socket.send(JSON.stringify(frame));
    });
  return {
    isOpen: () => !isOver,
    async ask(command, body, patienceMs, update) {
      if (isOver) return { outcome: "closed", code: null, payload: null };
      const id = ++lastId;
      history.add({ ...about, kind: "sent", id, command, ...update });
      return await send(id, [command, id, body], patienceMs);
    },
    async logIn(body, patienceMs) {
      if (isOver) return { outcome: "closed", code: null, payload: null };
      history.add({ ...about, kind: "sent", id: 0, command: "authenticate" });
      return await send(0, ["authenticate", 0, body], patienceMs);
    },
    end() {
      over(1006, true);
      socket.terminate();
    },
  };
}

function seenOf(user: Payload): Seen {
  return { profile: user.profile?.tag ?? null, clientState: user.client_state?.tag ?? null };
}
