/**
 * One client's connection: its state, its queue, one command under way at a time, which alone gives the promised
 * order. Refusals wait in the same queue, so that answers come in the order of their frames.
 *
 * Modes: unauthenticated → authenticated → closed; changed in `#answered` and `closed` alone.
 */
import { ownCopy } from "../shared/own-copy.ts";
import { closeCodes } from "../shared/protocol/close-codes.ts";
import { commands, isCommand, namespaces } from "../shared/protocol/commands.ts";
import { type ErrorCode, errorBody } from "../shared/protocol/errors.ts";
import { errorFrame, type FrameId } from "../shared/protocol/frames.ts";
import type { Answer, ConnectionHost, Request } from "./connection-host.ts";
import { commandsOf, FloodLimit, weightOf } from "./flood.ts";
import { readFrame } from "./frame.ts";
import type { Asker } from "./load.ts";
import { Outlet, RELOAD } from "./outlet.ts";
import type { Frame } from "./pieced-frame.ts";
import { RateLimit } from "./rate-limit.ts";
import type { Link, LinkEvents } from "./uws.ts";

/** A frame that waits for its turn: a request, or the answer that it gets without a worker. */
type Waiting = Request | { refusal: string; close?: number; request?: Request };

/** The 10th frame that cannot be read closes the connection, the 5th failed login too (docs/protocol.md). */
const MAX_INVALID_FRAMES = 10;
const MAX_FAILED_LOGINS = 5;

/** What a moderator does to somebody who may be what the load is about. */
const urgentCommands: ReadonlySet<string> = new Set(["user.ban", "user.silence", "user.delete"]);

/** Commands may wait as long as they would fit in so many messages of the largest size. */
const MAX_WAITING_MESSAGES = 16;

/** What a surplus command is told: by then some of the queue is answered. */
const QUEUE_RETRY_MS = 1_000;

/** A surplus command is refused in its turn, unless already so many times the queue's length waits: then at once. */
const QUEUES_OF_REFUSALS = 8;

export class Connection implements LinkEvents {
  readonly number: number;
  readonly world: string;
  /** For limits and logins; see `client-address.ts`. */
  readonly address: string;
  readonly openedAt = performance.now();
  user: string | null = null;
  /** ms since the epoch; 0 before. */
  loggedInAt = 0;
  /** The version of its account that its login was answered with. */
  loginVersion = 0;
  /** The newest version of its account that it knows. */
  version = 0;
  /** It has missed something before `version`: whatever shows that version or a later one is news to it. */
  missed = false;
  /** The hash of the `world.config` that it has. */
  config: string | null = null;
  /** A command of its own is under way that may change its account: only the answer tells whether. */
  isWriting = false;
  isClosed = false;

  readonly #outlet: Outlet;
  readonly #host: ConnectionHost;
  readonly #rate: RateLimit;
  /** Made when it is first needed: most connections never do anything that it counts. */
  #flood: FloodLimit | null = null;
  #waiting: Waiting[] = [];
  /** How many of these are requests, and how long they are. */
  #waitingRequests = 0;
  #waitingCharacters = 0;
  /** Whether it is known yet that its world exists: until then what it sends waits. */
  #hasBegun = false;
  /** The number of the command that is under way. */
  #underWay: number | null = null;
  #invalidFrames = 0;
  #failedLogins = 0;
  /** How it ends once what is under way is answered: the code, and the last frame before. */
  #closeWhenIdle: { code: number; lastWord?: string } | null = null;

  constructor(number: number, world: string, address: string, link: Link, host: ConnectionHost) {
    this.number = number;
    this.world = world;
    this.address = address;
    this.#outlet = new Outlet(this, link, host);
    this.#host = host;
    this.#rate = new RateLimit(host.limits.rate, host.limits.rateBurst, this.openedAt);
  }

  /** Its world exists: what has come so far is served. */
  begin(): void {
    this.#hasBegun = true;
    this.#advance();
  }

  /** It does not, which is all that it is told. */
  refuseWorld(): void {
    this.send(errorFrame(undefined, errorBody("world.unknown_world")), "control");
    this.close(closeCodes.policy);
  }

  text(text: string): void {
    if (this.isClosed || this.#closeWhenIdle !== null) return;
    // The answer to the last of them closes it.
    if (this.#invalidFrames >= MAX_INVALID_FRAMES) return;
    try {
      this.#read(text);
    } catch (error) {
      this.fail(error);
    }
  }

  binary(): void {
    this.close(closeCodes.unacceptable);
  }

  control(): void {
    if (this.isClosed || this.#isFlood(1)) return;
    this.#outlet.control();
  }

  tooBig(): void {
    this.close(closeCodes.tooBig);
  }

  /** The WebSocket is gone. */
  closed(code: number): void {
    this.isClosed = true;
    this.#forgetWaiting();
    if (this.#underWay !== null) this.#host.abandon(this.#underWay);
    this.#host.metrics.connectionsClosed.inc({ reason: this.#outlet.closed(code) });
    this.#host.closed(this);
  }

  /**
   * Sends a frame, once it may pass.
   *
   * @param own the gateway's own words: nothing of what others said or did
   */
  send(frame: Frame, kind: string, own = false): void {
    if (this.#outlet.send(frame, kind, own)) this.#host.holds(this);
  }

  /** Sends what was held, as far as it may pass. @returns whether nothing is held any more */
  release(): boolean {
    return this.#outlet.release();
  }

  /** Its user is locked out: nothing that it sent is begun any more, nothing that waits for it gets there. */
  cutOff(): void {
    if (this.isClosed) return;
    this.#forgetWaiting();
    this.#outlet.cutOff();
  }

  drained(): void {
    this.#outlet.drained();
  }

  close(code: number): void {
    this.#outlet.close(code);
  }

  /** Closes it once what is under way is answered; what waits behind is not begun. */
  closeWhenIdle(code: number): void {
    this.#forgetWaiting();
    if (this.#underWay !== null) this.#closeWhenIdle ??= { code };
    else this.close(code);
  }

  /** Tells the client to load its page anew. */
  reload(): void {
    this.#endWith(RELOAD, closeCodes.reload);
  }

  /** Tells the client that a newer connection took its place. */
  replace(): void {
    this.#endWith(errorFrame(undefined, errorBody("connection.replaced")), closeCodes.replaced);
  }

  /** Ends it with a last word; within a big answer no frame has a place, so that its end comes first. */
  #endWith(lastWord: string, code: number): void {
    if (this.isClosed || this.#closeWhenIdle?.lastWord !== undefined) return;
    this.#forgetWaiting();
    if (this.#outlet.isMidway) {
      this.#closeWhenIdle = { code, lastWord };
      return this.#outlet.endMidwaySoon(code);
    }
    // Past what is held: it says nothing but that this connection is over.
    this.#outlet.write(lastWord, "control");
    this.close(code);
  }

  /** A bug met this connection. */
  fail(error: unknown): void {
    this.#host.failed(this, error);
    this.send(errorFrame(undefined, errorBody("server.fatal")), "answer", true);
    this.close(closeCodes.fatal);
  }

  #read(text: string): void {
    const frame = readFrame(text);
    if (frame.kind === "ping") {
      if (!this.#isFlood(weightOf(text))) this.send(`["pong",${frame.payload}]`, "pong", true);
      return;
    }
    const { limits } = this.#host;
    if (frame.kind === "invalid") {
      const isLast = ++this.#invalidFrames >= MAX_INVALID_FRAMES;
      return this.#refuse(frame.id, "protocol.invalid_message", isLast ? closeCodes.unacceptable : undefined);
    }
    const { action, id } = frame;
    const now = performance.now();
    const weight = weightOf(text);
    if (limits.maxQueue > 0 && this.#isQueueFull(text)) {
      return this.#refuseSurplus(id, QUEUE_RETRY_MS, weight);
    }
    const wait = this.#rate.take(now, commandsOf(weight));
    if (wait > 0) return this.#refuseSurplus(id, wait, weight);
    const request = { action, id, text, readAt: now };
    if (this.#host.admits(this.#asker(action))) {
      this.#wait(request, "last");
    } else {
      this.#refuseInTurn(errorFrame(id, errorBody("server.overloaded")), request);
    }
    this.#advance();
  }

  /** Too much of it: it is told when to try again. */
  #refuseSurplus(id: FrameId | undefined, retryAfterMs: number, weight: number): void {
    this.#host.metrics.rateLimited.inc();
    if (this.#isFlood(weight)) return;
    const details = { retry_after_ms: retryAfterMs };
    this.#refuseInTurn(errorFrame(id, errorBody("protocol.rate_limited", details)));
    this.#advance();
  }

  /** After the answers to what came before, as long as that can be remembered. */
  #refuseInTurn(refusal: string, request?: Request): void {
    const { limits } = this.#host;
    if (limits.maxQueue > 0 && this.#waiting.length >= limits.maxQueue * QUEUES_OF_REFUSALS) {
      return this.send(refusal, "answer", true);
    }
    this.#enqueue(request === undefined ? { refusal } : { refusal, request });
  }

  /** Too many commands, or too much of them. */
  #isQueueFull(text: string): boolean {
    const { maxQueue, maxMessageBytes } = this.#host.limits;
    const characters = this.#waitingCharacters + text.length;
    return this.#waitingRequests >= maxQueue || characters > MAX_WAITING_MESSAGES * maxMessageBytes;
  }

  /** Counts what is answered here. @returns whether it was one too many, and the connection is closed for it */
  #isFlood(weight: number): boolean {
    this.#flood ??= new FloodLimit(this.openedAt);
    if (!this.#flood.isTooMuch(weight, performance.now())) return false;
    this.close(closeCodes.policy);
    return true;
  }

  #wait(request: Request, place: "first" | "last"): void {
    if (place === "first") this.#waiting.unshift(request);
    else this.#enqueue(request);
    this.#waitingRequests++;
    this.#waitingCharacters += request.text.length;
    this.#host.waits(1);
  }

  /** An empty list that is pushed to makes room for 17, and keeps it in each of very many idle connections. */
  #enqueue(waiting: Waiting): void {
    if (this.#waiting.length === 0) this.#waiting = [waiting];
    else this.#waiting.push(waiting);
  }

  #forgetWaiting(): void {
    if (this.#waitingRequests > 0) this.#host.waits(-this.#waitingRequests);
    this.#waiting = [];
    this.#waitingRequests = 0;
    this.#waitingCharacters = 0;
  }

  #asker(action: string): Asker {
    if (this.user === null || urgentCommands.has(action)) return "urgent";
    return this.#underWay !== null || this.#waiting.length > 0 ? "busy" : "idle";
  }

  #refuse(id: FrameId | undefined, code: ErrorCode, close?: number): void {
    this.#enqueue({ refusal: errorFrame(id, errorBody(code)), ...(close ? { close } : {}) });
    this.#advance();
  }

  #advance(): void {
    while (this.#hasBegun && this.#underWay === null && !this.isClosed) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if ("refusal" in next) {
        if (next.request !== undefined) this.#host.metrics.commandAnswered(next.request, next.refusal);
        this.send(next.refusal, "answer", true);
        if (next.close !== undefined) this.close(next.close);
        continue;
      }
      this.#waitingRequests--;
      this.#waitingCharacters -= next.text.length;
      const code = this.#refusalOf(next);
      this.#host.waits(-1);
      if (code === null) {
        this.isWriting = isCommand(next.action) && commands[next.action].writes;
        this.#underWay = this.#host.run(this, next, (answer) => this.#answered(next, answer));
      } else {
        const frame = errorFrame(next.id, errorBody(code));
        this.#host.metrics.commandAnswered(next, frame);
        this.send(frame, "answer", true);
      }
    }
  }

  /** Why a request goes to no worker; decided when its turn comes, since a login may stand before it. */
  #refusalOf({ action, readAt }: Request): ErrorCode | null {
    if (performance.now() - readAt > this.#host.limits.commandTimeoutMs) return "server.timeout";
    if (this.user === null) return action === "authenticate" ? null : "protocol.unauthenticated";
    if (isCommand(action)) return null;
    const [namespace = "", name] = action.split(".");
    return name !== undefined && namespaces.has(namespace)
      ? "user.unsupported_command"
      : "protocol.unknown_command";
  }

  #answered(request: Request, answer: Answer): void {
    const { effect, frame, part } = answer;
    if (part !== undefined && !this.#outlet.takePart(part)) return;
    if (part === undefined && this.#outlet.isMidway) {
      // Half a message is out: whatever this is, it has no place in it.
      return this.close(effect?.kind === "close" ? effect.code : closeCodes.restart);
    }
    this.#underWay = null;
    this.isWriting = false;
    if (part !== undefined) this.#restartWaiting();
    const { sentAt = 0 } = answer;
    if (effect?.kind === "login") {
      const { user, version } = effect;
      const verdict = this.isClosed ? "closed" : this.#host.mayLogIn(this, user, version, sentAt);
      if (verdict !== "yes") this.#host.loggedInTooLate(this, user);
      if (verdict === "again") {
        this.#wait(request, "first");
        return this.#advance();
      }
      if (verdict === "fenced") return this.reload();
    }
    this.#host.metrics.commandAnswered(request, frame);
    if (this.isClosed) return;
    try {
      this.#deliver(request, answer);
      if (this.#closeWhenIdle === null) return this.#advance();
      const { code, lastWord } = this.#closeWhenIdle;
      if (lastWord !== undefined) this.#outlet.write(lastWord, "control");
      this.close(code);
    } catch (error) {
      this.fail(error);
    }
  }

  /** What waited for the end of a big answer could not be begun: its time begins now. */
  #restartWaiting(): void {
    const now = performance.now();
    for (const waiting of this.#waiting) if ("readAt" in waiting) waiting.readAt = now;
  }

  #deliver(request: Request, { effect, frame, part, config, isOwn = false }: Answer): void {
    if (effect?.kind === "login") {
      this.user = ownCopy(effect.user);
      this.loggedInAt = Date.now();
      this.version = effect.version;
      this.loginVersion = effect.version;
      this.config = config === undefined ? null : ownCopy(config);
    }
    if (part === undefined) this.send(frame, "answer", isOwn);
    switch (effect?.kind) {
      case "login":
        return this.#host.loggedIn(this, request);
      case "changed":
        return this.#host.changed(this, effect.version);
      case "login_failed":
        if (++this.#failedLogins >= MAX_FAILED_LOGINS) this.close(closeCodes.policy);
        return;
      case "close":
        return this.close(effect.code);
    }
  }
}
