/**
 * `foyer connect`: a line client. Logs in, sends each line of stdin as a frame, prints each frame that arrives as
 * one line.
 */
import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import WebSocket from "ws";
import { type ClientEvents, connectFoyer, type FoyerClient } from "../../shared/client/connect.ts";
import type { Login } from "../../shared/client/messages.ts";
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

/** No gateway takes a frame of so many: what goes on for longer is no line. */
const MAX_LINE_CHARACTERS = 4 * 2 ** 20;

/** Talks to a gateway until stdin has ended and all is answered, or the connection ends. */
export async function runConnect(url: string, options: ConnectOptions, io: Io): Promise<number> {
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) {
    throw new WrongUsage(`"${url}" is no WebSocket URL: say one such as ws://localhost:8375/ws/world/sample`);
  }
  const client = connectFoyer(url, {
    login: login(options),
    WebSocket,
    // Whoever types frames wants to see how a connection ends, and no pongs that they did not ask for.
    reconnect: false,
    timeouts: { openMs: CONNECT_MS, silenceMs: 0 },
  });
  const onSignal = () => client.close();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    return await talk(client, url, options, io);
  } finally {
    client.close();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    // A terminal, or a pipe that stays open, would keep the process from ending.
    io.stdin.destroy();
  }
}

async function talk(client: FoyerClient, url: string, options: ConnectOptions, io: Io): Promise<number> {
  const unanswered = new UnansweredCommands();
  client.on("frame", (text) => {
    io.stdout.write(`${text}\n`);
    unanswered.heard(parseFrame(text));
  });
  const ended = new Promise<ClientEvents["closed"]>((resolve, reject) => {
    client.on("closed", (end) => {
      io.stderr.write(`closed ${end.code}${end.reason === "" ? "" : ` ${end.reason}`}\n`);
      resolve(end);
    });
    client.on("reload", () => reject(new Failure("the server says to load anew: connect again")));
  });
  const isIn = await Promise.race([
    client.ready.then(() => true).catch(() => false),
    ended.then(() => false),
  ]);
  if (isIn) {
    const said = sendLines(client, options, unanswered, io).then((isAnswered) => {
      if (isAnswered) client.close();
      return ended;
    });
    await Promise.race([ended, said]);
  }
  const { code, reason, error } = await ended;
  if (error === null) return 0;
  if (isIn) throw new Failure(`the server closed the connection with ${code}: connect again`);
  if (error.code === "client.closed") {
    const why = reason === "" ? `closed with ${code}` : reason;
    throw new Failure(`no connection to ${url} (${why}): check the URL; foyer status says more`);
  }
  throw new Failure(`the login was refused with ${error.code}: ${adviceOn(error.code)}`);
}

function login({ clientId, token, invite }: ConnectOptions): Login {
  if (token !== undefined) return { token };
  const client_id = clientId ?? randomUUID();
  return invite === undefined ? { client_id } : { client_id, invite_token: invite };
}

/**
 * Sends stdin's lines until it ends.
 *
 * @returns whether all is said and answered; false: go on listening
 */
async function sendLines(
  client: FoyerClient,
  options: ConnectOptions,
  unanswered: UnansweredCommands,
  io: Io,
): Promise<boolean> {
  let hasSent = false;
  for await (const line of readLines(io.stdin)) {
    if (line.trim() === "") continue;
    if (!client.sendFrame(line)) return false;
    hasSent = true;
    unanswered.sent(parseFrame(line));
  }
  if (options.listen || io.stdin.isTTY || !hasSent) return false;
  const left = await unanswered.settle({ answerMs: ANSWER_MS, quietMs: QUIET_MS });
  if (left > 0) {
    throw new Failure(`${left} commands were not answered within ${ANSWER_MS / 1_000} s: send them again`);
  }
  return true;
}

/** The lines of a stream, without their ends. @throws Failure when one has no end */
async function* readLines(input: Readable): AsyncGenerator<string> {
  input.setEncoding("utf8");
  let rest = "";
  for await (const chunk of input) {
    const lines = (rest + (chunk as string)).split(/\r?\n/);
    rest = lines.pop()!;
    if (rest.length > MAX_LINE_CHARACTERS) {
      throw new Failure(
        `a line of over ${MAX_LINE_CHARACTERS} characters is no frame: end each with a line break`,
      );
    }
    yield* lines;
  }
  if (rest !== "") yield rest;
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
