/**
 * `foyer connect`: a line client. Logs in, sends each line of stdin as a frame, prints each frame that arrives as
 * one line.
 */
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { Failure, type Io, WrongUsage } from "./failure.ts";
import { UnansweredCommands } from "./unanswered-commands.ts";

/** The options of `foyer connect`. */
export interface ConnectOptions {
  clientId?: string;
  token?: string;
  invite?: string;
  /** Keep listening when stdin has ended. */
  listen?: boolean;
}

/** After the last line, what has no id to know its answer by may still come for so long. */
const QUIET_MS = 1_000;
/** The cluster answers everything within its own timeout; past this something else is wrong. */
const ANSWER_MS = 30_000;
const CONNECT_MS = 10_000;

/** Talks to a gateway until stdin has ended and all is answered, or the connection ends. */
export async function runConnect(url: string, options: ConnectOptions, io: Io): Promise<number> {
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) {
    throw new WrongUsage(`"${url}" is no WebSocket URL: say one such as ws://localhost:8375/ws/world/sample`);
  }
  const connection = new WebSocket(url, { handshakeTimeout: CONNECT_MS });
  const ending = new AbortController();
  const onSignal = () => ending.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    return await talk(connection, options, io, ending.signal);
  } catch (error) {
    connection.terminate();
    throw error;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    // A terminal, or a pipe that stays open, would keep the process from ending.
    io.stdin.destroy();
  }
}

function talk(connection: WebSocket, options: ConnectOptions, io: Io, ending: AbortSignal): Promise<number> {
  const unanswered = new UnansweredCommands();
  let isLoggedIn = false;
  return new Promise((resolve, reject) => {
    let isDone = false;
    const finish = () => {
      isDone = true;
      connection.close(1000);
    };
    ending.addEventListener("abort", finish);
    connection.on("open", () => connection.send(JSON.stringify(["authenticate", login(options)])));
    connection.on("message", (data: Buffer) => {
      const text = data.toString();
      io.stdout.write(`${text}\n`);
      const frame = parseFrame(text);
      unanswered.heard(frame);
      if (isLoggedIn) return;
      if (frame[0] === "authenticated") {
        isLoggedIn = true;
        sendLines(connection, options, unanswered, io).then((isAnswered) => {
          if (isAnswered) finish();
        }, reject);
      } else if (frame[0] === "error") {
        const { code = "an error" } = (frame.at(-1) ?? {}) as { code?: string };
        reject(new Failure(`the login was refused with ${code}: ${adviceOn(code)}`));
      }
    });
    connection.on("error", (error: Error) => {
      if (isDone) return resolve(0);
      const why = error.message || "nothing listens there";
      reject(
        new Failure(`no connection to ${connection.url} (${why}): check the URL; foyer status says more`),
      );
    });
    connection.on("close", (code, reason) => {
      io.stderr.write(`closed ${code}${reason.length > 0 ? ` ${reason}` : ""}\n`);
      if (isDone) return resolve(0);
      reject(new Failure(`the server closed the connection with ${code}: connect again`));
    });
  });
}

/** The payload of `authenticate`. */
function login({ clientId, token, invite }: ConnectOptions): Record<string, string> {
  return {
    ...(token === undefined ? { client_id: clientId ?? randomUUID() } : { token }),
    ...(invite === undefined ? {} : { invite_token: invite }),
  };
}

/**
 * Sends stdin's lines until it ends.
 *
 * @returns whether all is said and answered; false: go on listening
 */
async function sendLines(
  connection: WebSocket,
  options: ConnectOptions,
  unanswered: UnansweredCommands,
  io: Io,
): Promise<boolean> {
  let hasSent = false;
  for await (const line of createInterface({ input: io.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === "") continue;
    if (connection.readyState !== WebSocket.OPEN) return false;
    hasSent = true;
    unanswered.sent(parseFrame(line));
    connection.send(line);
  }
  if (options.listen || io.stdin.isTTY || !hasSent) return false;
  const left = await unanswered.settle({ answerMs: ANSWER_MS, quietMs: QUIET_MS });
  if (left > 0) {
    throw new Failure(`${left} commands were not answered within ${ANSWER_MS / 1_000} s: send them again`);
  }
  return true;
}

/** A line that is no JSON array is sent all the same: what the server says to it is worth seeing. */
function parseFrame(text: string): unknown[] {
  try {
    const frame: unknown = JSON.parse(text);
    return Array.isArray(frame) ? frame : [];
  } catch {
    // No frame, then: nothing can be known by its id.
    return [];
  }
}

function adviceOn(code: string): string {
  const advice: Readonly<Record<string, string>> = {
    "world.unknown_world": "foyer world list shows the worlds there are",
    "auth.invalid_token": "foyer token makes one that this world accepts",
    "auth.expired_token": "foyer token makes a new one",
    "auth.missing_token": "this world admits no guests, or the invite is not valid: use --token or --invite",
    "auth.denied": "this account may not enter this world",
    "server.timeout": "no worker answered; foyer status says more",
  };
  return advice[code] ?? "the frame on stdout says more";
}
