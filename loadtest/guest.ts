/**
 * A guest: a connection that is logged in with a `client_id`, and asks one command at a time. It shares with the
 * client what answers mean, and not its connection: that one parses every frame, keeps a queue and comes back, and
 * a load test wants to count raw frames, see each fault once, and be faster than what it measures.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { commandError, isLater, retryAfterMs } from "../shared/client/command-error.ts";
import type { Authenticated, CommandBody, CommandName, CommandResult } from "../shared/client/messages.ts";
import { type Connection, openConnection } from "./frame-client.ts";

/** A connection that is logged in. */
export interface Guest {
  connection: Connection;
  /** The account's id. */
  user: string;
  /** Why the connection ended; null while it is open. */
  closed: string | null;
}

const LOGIN_MS = 60_000;
const LATER_MS = 200;
const ANSWER_MS = 15_000;

/** How long the two steps of a login took, in ms. */
export interface LoginTimes {
  openMs: number;
  authenticateMs: number;
}

/**
 * Opens a connection and logs in, again where the cluster says "later".
 *
 * @param who a guest's `client_id`, or what else to log in with
 * @param onDone told how long the steps took
 */
export async function logIn(
  url: string,
  who: string | { token: string } = randomUUID(),
  onDone?: (times: LoginTimes) => void,
): Promise<Guest> {
  const begun = performance.now();
  const connection = await openConnection(url);
  const opened = performance.now();
  const guest: Guest = { connection, user: "", closed: null };
  connection.onClose = (code, reason) => {
    guest.closed = `closed with ${code} ${reason}`.trimEnd();
  };
  const body = typeof who === "string" ? { client_id: who } : who;
  const frame = JSON.stringify(["authenticate", body]);
  for (;;) {
    const [action, body] = await answerTo(guest, frame, ([action]) => action !== "pong");
    if (action === "authenticated") {
      guest.user = (body as Authenticated)["user.config"].id;
      onDone?.({ openMs: opened - begun, authenticateMs: performance.now() - opened });
      return guest;
    }
    const error = commandError(body);
    if (action !== "error" || !isLater(error) || performance.now() - begun > LOGIN_MS) {
      connection.close();
      throw new Error(`${url}: a guest's login was answered with ${JSON.stringify([action, body])}`);
    }
    await sleep(retryAfterMs(error) || LATER_MS);
  }
}

/** Asks one command while nothing else is asked on this connection; resolves to the result of its success. */
export async function ask<N extends CommandName>(
  guest: Guest,
  action: N,
  payload: CommandBody<N>,
): Promise<CommandResult<N>> {
  const [outcome, result] = await outcomeOf(guest, action, payload);
  if (outcome === "success") return result as CommandResult<N>;
  throw new Error(`${action} was answered with ${JSON.stringify([outcome, result])}`);
}

/** The same, whatever comes: `success` and a result, or `error` and what went wrong. */
export async function outcomeOf<N extends CommandName>(
  guest: Guest,
  action: N,
  payload: CommandBody<N>,
): Promise<[outcome: unknown, body: unknown]> {
  const id = "ask";
  const frame = JSON.stringify([action, id, payload]);
  const [outcome, , body] = await answerTo(guest, frame, (f) => f[1] === id);
  return [outcome, body];
}

/** Sends a frame and waits for the first one that `isAnswer` takes. Leaves `onMessage` as it was. */
function answerTo(guest: Guest, frame: string, isAnswer: (frame: unknown[]) => boolean): Promise<unknown[]> {
  const { connection } = guest;
  const { onMessage, onClose } = connection;
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      connection.onMessage = onMessage;
      connection.onClose = onClose;
      act();
    };
    const fail = (why: string) => settle(() => reject(new Error(`no answer to ${frame}: ${why}`)));
    const timer = setTimeout(() => fail(`none within ${ANSWER_MS / 1000} s`), ANSWER_MS);
    connection.onMessage = (text) => {
      const parsed: unknown[] = JSON.parse(text);
      if (isAnswer(parsed)) settle(() => resolve(parsed));
      else onMessage(text);
    };
    connection.onClose = (code, reason) => {
      onClose(code, reason);
      fail(guest.closed ?? `closed with ${code}`);
    };
    if (guest.closed === null) connection.send(frame);
    else fail(guest.closed);
  });
}

/** Does `work` for 0 … count-1, at most `atOnce` of them under way; results in that order. */
export async function inParallel<T>(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<T>,
  isOver: () => boolean = () => false,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count && !isOver()) {
      const index = next++;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, lane));
  return results;
}
