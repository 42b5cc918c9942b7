/**
 * A client of the cluster, for Node and browsers: it logs in, calls commands, hears what is pushed, and comes back
 * when its connection is lost.
 *
 * Modes: connecting (until logged in) → ready → resting (before the next connection) → connecting …, or paused (after
 * `connection.reload`, until `reconnect`); ended is for good. Changed in `#connect`, `#loggedIn` and `#closed` alone.
 */
import { afterClose, type ReconnectOptions } from "./after-close.ts";
import { CommandError } from "./command-error.ts";
import { type CommandLimits, CommandQueue } from "./command-queue.ts";
import type { Close } from "./frame-link.ts";
import { Listeners } from "./listeners.ts";
import {
  type Authenticated,
  type CommandBody,
  type CommandName,
  type CommandResult,
  type Login,
  reads,
  type User,
  type WorldConfig,
} from "./messages.ts";
import { openSession, type Session } from "./session.ts";
import { platformWebSocket, type WebSocketConstructor } from "./web-socket.ts";

/** How a client is made. */
export interface ClientOptions {
  /** Who logs in; a function is asked at each login, so that it may give a newer token. */
  login: Login | (() => Login);
  /** Where the platform has none of its own, or another is wanted. */
  WebSocket?: WebSocketConstructor;
  /** False: the first end is the last. */
  reconnect?: Partial<ReconnectOptions> | false;
  timeouts?: Partial<Timeouts>;
  /** See `CommandLimits`. */
  attempts?: number;
  retryRateLimited?: boolean;
}

/** Times, in ms. */
interface Timeouts {
  /** Until a connection is open. */
  openMs: number;
  /** From a call to its end. */
  commandMs: number;
  /** Until a link that brings nothing is given up; 0 is never. */
  silenceMs: number;
}

/** What can be listened to. */
export interface ClientEvents {
  "user.updated": User;
  "world.updated": WorldConfig;
  /** Load the page anew. The client stays away until `reconnect` is called. */
  reload: undefined;
  /** This user opened too many connections; `closed` follows. */
  replaced: undefined;
  /** The connection is lost; the next attempt comes after so many ms. */
  lost: Close & { waitMs: number };
  /** Logged in again. The payload is the whole state: nothing else has to be caught up on. */
  reconnected: Authenticated;
  /** It is over, and no attempt follows; `error` says why where the caller did not ask for it. */
  closed: Close & { error: CommandError | null };
  /** Every frame as it came, before what it means. */
  frame: string;
}

const reconnectDefaults: ReconnectOptions = { firstMs: 500, capMs: 15_000, spreadMs: 2_000 };
const timeoutDefaults: Timeouts = { openMs: 10_000, commandMs: 60_000, silenceMs: 45_000 };
const commandDefaults = { attempts: 5, retryRateLimited: true };

/** A connection that lasted so long had no part in the failures before it. */
const STEADY_MS = 5_000;

export class FoyerClient {
  /** The payload of the first login; rejected where it is refused, or the client ends before. */
  readonly ready: Promise<Authenticated>;
  readonly #urls: readonly string[];
  readonly #options: ClientOptions & { WebSocket: WebSocketConstructor; timeouts: Timeouts };
  readonly #reconnect: ReconnectOptions | false;
  readonly #listeners = new Listeners<ClientEvents>();
  readonly #queue: CommandQueue;
  #mode: "connecting" | "ready" | "resting" | "paused" | "ended" = "connecting";
  #session: Session | null = null;
  #isClosing = false;
  #attempts = 0;
  #failures = 0;
  #readyAt: number | null = null;
  #hasBeenReady = false;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #resolveReady: (payload: Authenticated) => void = () => {};
  #rejectReady: (error: CommandError) => void = () => {};

  constructor(url: string | readonly string[], options: ClientOptions) {
    this.#urls = typeof url === "string" ? [url] : url;
    const timeouts = { ...timeoutDefaults, ...options.timeouts };
    this.#options = { ...options, timeouts, WebSocket: options.WebSocket ?? platformWebSocket() };
    const { reconnect } = options;
    this.#reconnect = reconnect === false ? false : { ...reconnectDefaults, ...reconnect };
    const { attempts = commandDefaults.attempts, retryRateLimited = commandDefaults.retryRateLimited } =
      options;
    const limits: CommandLimits = { commandMs: timeouts.commandMs, attempts, retryRateLimited };
    this.#queue = new CommandQueue(limits);
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    // Who does not wait for it hears of the end by `closed`.
    this.ready.catch(() => {});
    this.#connect();
  }

  /**
   * Sends a command, again where its outcome is unknown.
   *
   * @throws CommandError
   */
  async call<N extends CommandName>(name: N, body: CommandBody<N>): Promise<CommandResult<N>> {
    if (this.#mode === "ended" || this.#isClosing) throw new CommandError("client.closed");
    const writes = !Object.hasOwn(reads, name);
    return (await this.#queue.call(name, body, writes)) as CommandResult<N>;
  }

  /** @returns what takes the listener off again */
  on<K extends keyof ClientEvents>(event: K, listener: (value: ClientEvents[K]) => void): () => void {
    return this.#listeners.add(event, listener);
  }

  /**
   * Sends a text as it is, past the queue and never again. What it is answered is heard as `frame`. Ids of its own
   * that are strings meet none of the client's, which are numbers.
   *
   * @returns whether a connection was open
   */
  sendFrame(text: string): boolean {
    return this.#session?.send(text) ?? false;
  }

  /** Connects now: after `reload`, or instead of waiting any longer. */
  reconnect(): void {
    if (this.#mode === "paused" || this.#mode === "resting") this.#connect();
  }

  /** Ends it. What was not answered is rejected with `client.closed`. */
  close(): void {
    if (this.#mode === "ended" || this.#isClosing) return;
    this.#isClosing = true;
    this.#queue.end(new CommandError("client.closed"));
    if (this.#session === null) this.#end({ code: 1000, reason: "" }, null);
    else this.#session.close();
  }

  #connect(): void {
    clearTimeout(this.#rest);
    this.#mode = "connecting";
    const { login, WebSocket, timeouts } = this.#options;
    const url = this.#urls[this.#attempts++ % this.#urls.length] ?? "";
    this.#session = openSession(
      {
        url,
        WebSocket,
        login: typeof login === "function" ? login : () => login,
        openMs: timeouts.openMs,
        silenceMs: timeouts.silenceMs,
      },
      {
        frame: (text) => this.#listeners.tell("frame", text),
        loggedIn: (payload) => this.#loggedIn(payload),
        heard: (frame) => this.#heard(frame),
        closed: (close, refusal) => this.#closed(close, refusal),
      },
    );
  }

  #loggedIn(payload: Authenticated): void {
    if (this.#isClosing) return;
    this.#mode = "ready";
    this.#readyAt = performance.now();
    const isFirst = !this.#hasBeenReady;
    this.#hasBeenReady = true;
    // First what the caller asked before, then what it asks because of the news.
    this.#queue.start((text) => this.sendFrame(text));
    if (isFirst) this.#resolveReady(payload);
    else this.#listeners.tell("reconnected", payload);
  }

  #heard(frame: unknown[]): void {
    const [action, body] = frame;
    if (action === "user.updated") this.#listeners.tell(action, body as User);
    else if (action === "world.updated") this.#listeners.tell(action, body as WorldConfig);
    else this.#queue.heard(frame);
  }

  #closed(close: Close, refusal: CommandError | null): void {
    this.#session = null;
    if (this.#isClosing) return this.#end(close, null);
    if (this.#readyAt !== null && performance.now() - this.#readyAt > STEADY_MS) this.#failures = 0;
    this.#readyAt = null;
    const next = afterClose({ code: close.code, refusal, failures: this.#failures }, this.#reconnect);
    this.#queue.stop(next.kind !== "again" || next.resend);
    if (next.kind === "end") return this.#end(close, refusal ?? closedError(close));
    if (next.kind === "pause") {
      this.#mode = "paused";
      return this.#listeners.tell("reload", undefined);
    }
    this.#mode = "resting";
    this.#failures++;
    this.#rest = setTimeout(() => this.#connect(), next.waitMs);
    this.#listeners.tell("lost", { ...close, waitMs: next.waitMs });
  }

  #end(close: Close, error: CommandError | null): void {
    clearTimeout(this.#rest);
    this.#mode = "ended";
    const why = error ?? new CommandError("client.closed");
    this.#queue.end(new CommandError("client.closed", why.message));
    this.#rejectReady(why);
    if (why.code === "connection.replaced") this.#listeners.tell("replaced", undefined);
    this.#listeners.tell("closed", { ...close, error });
  }
}

function closedError({ code, reason }: Close): CommandError {
  const text = `the connection was closed with ${code}${reason === "" ? "" : ` (${reason})`}`;
  return code === 4001
    ? new CommandError("connection.replaced", text)
    : new CommandError("client.closed", text);
}

/**
 * Connects and logs in.
 *
 * @param url a gateway's address with the world, or several that are tried in turn
 */
export function connectFoyer(url: string | readonly string[], options: ClientOptions): FoyerClient {
  return new FoyerClient(url, options);
}
