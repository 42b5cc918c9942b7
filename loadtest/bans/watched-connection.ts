/**
 * A connection of a user who is about to be locked out: it sends without a pause, and judges what comes.
 *
 * Modes: free (anything may come) → answered (the moderator has read `success`: what was sent before that may still
 * be read) → quiet (that is read: nothing may come but what `mayCome` says).
 */
import { closeCodes } from "../../shared/protocol/close-codes.ts";
import type { TestGateway } from "../../shared/testing/node.ts";
import { type Connection, openConnection } from "../frame-client.ts";
import { WORLD } from "./world.ts";

/** What it sends once it is logged in; `nothing`: its login is under way when the ban comes. */
export type Work = "updates" | "fetches" | "lists" | "nothing";

// biome-ignore lint/suspicious/noExplicitAny: frames are JSON
export type Frame = any[];

/** More than is answered is always on its way, so that some of it waits in the gateway. */
const AT_ONCE = 3;

/** An answer of so many characters is a list in parts; looking into all of it would slow down who looks. */
const BIG = 64 * 1024;

export class WatchedConnection {
  readonly gateway: TestGateway;
  readonly work: Work;
  /** What should not have happened. */
  readonly faults: string[] = [];
  /** Whose it is, once it is logged in. */
  user: string | null = null;
  /** The answer that refused its login. */
  refusal: string | null = null;
  answers = 0;
  /** Code with which it was closed; 1006: cut. */
  closed: number | null = null;
  readonly #connection: Connection;
  /** In everything that is sent after the ban was answered, by whomever; in nothing else. */
  readonly #mark: string;
  #mode: "free" | "answered" | "quiet" = "free";
  #mayCome: (frame: Frame) => boolean = () => false;
  #hasReloaded = false;
  #sent = 0;
  #lists = 0;

  private constructor(gateway: TestGateway, work: Work, mark: string, connection: Connection) {
    this.gateway = gateway;
    this.work = work;
    this.#mark = mark;
    this.#connection = connection;
    connection.onMessage = (text) => this.#judge(text);
    connection.onClose = (code) => {
      this.closed = code;
    };
  }

  static async open(gateway: TestGateway, work: Work, mark: string): Promise<WatchedConnection> {
    return new WatchedConnection(gateway, work, mark, await openConnection(gateway.world(WORLD)));
  }

  logIn(payload: object): void {
    this.#connection.send(JSON.stringify(["authenticate", payload]));
  }

  /** Whether it has ended as a connection does that is cut off. */
  get isCutOff(): boolean {
    return this.closed !== null || this.#hasReloaded;
  }

  /** Whether a list is asked for and not there: then parts of it may be, and its end need not be in order. */
  get isListing(): boolean {
    return this.#lists > 0;
  }

  /**
   * The moderator has read `success`: sends what may have no effect and get no answer.
   *
   * @param mayCome what may come all the same
   */
  answered(mayCome: (frame: Frame) => boolean = () => false): void {
    this.#mode = "answered";
    this.#mayCome = mayCome;
    if (this.user === null || this.closed !== null) return;
    this.#connection.send(JSON.stringify(["user.update", this.#mark, { profile: { by: this.#mark } }]));
    this.#connection.send(JSON.stringify(["ping", this.#mark]));
  }

  /** All that was sent before is read. */
  quiet(): void {
    this.#mode = "quiet";
  }

  /** Judges how it ended. @param codes with which it may have been closed */
  judgeEnd(codes: readonly number[]): void {
    if (this.closed === null) return this.#fault("is still open");
    if (!codes.includes(this.closed)) this.#fault(`was closed with ${this.closed}`);
    // Between two parts of a list no frame fits: then the close code alone says it.
    if (this.closed === closeCodes.reload && !this.#hasReloaded && !this.isListing) {
      this.#fault("was closed without connection.reload");
    }
  }

  judgeRefusal(code: string): void {
    if (this.refusal !== code) this.#fault(`was refused with ${this.refusal}`);
  }

  notCutOff(): void {
    this.#fault("was not cut off when the ban was answered");
  }

  close(): void {
    this.#connection.close();
  }

  #fault(what: string): void {
    this.faults.push(`a connection (${this.work}) ${what}`);
  }

  #judge(text: string): void {
    const isBig = text.length > BIG;
    const frame: Frame = isBig ? ["success", "list"] : JSON.parse(text);
    const [action, id] = frame;
    if (this.#hasReloaded) this.#fault(`got ${text.slice(0, 80)} after connection.reload`);
    const isLate = text.includes(this.#mark);
    if (this.#mode !== "free" && isLate && !this.#mayCome(frame)) {
      this.#fault(`got ${text.slice(0, 80)}, of what came after the ban`);
    }
    if (action === "connection.reload") {
      this.#hasReloaded = true;
      return;
    }
    if (this.#mode === "quiet" && !isLate && !this.#mayCome(frame)) {
      this.#fault(`got ${text.slice(0, 80)} after the ban was answered`);
    }
    if (action === "authenticated") this.#loggedIn(frame);
    else if (this.user === null) this.refusal = frame.at(-1)?.code ?? null;
    else if ((action === "success" || action === "error") && !isLate) this.#next(id);
  }

  #loggedIn([, { "user.config": user }]: Frame): void {
    this.user = user.id;
    if (this.work !== "nothing") for (let i = 0; i < AT_ONCE; i++) this.#send();
  }

  #next(id: unknown): void {
    this.answers++;
    if (id === "list") this.#lists--;
    if (this.#mode === "free") this.#send();
  }

  #send(): void {
    const n = ++this.#sent;
    if (this.work === "updates") {
      const profile = { display_name: `from ${this.gateway.id}`, n };
      return this.#connection.send(JSON.stringify(["user.update", n, { profile }]));
    }
    // One list at a time is all that a user may have.
    if (this.work === "lists" && this.#lists === 0) {
      this.#lists++;
      return this.#connection.send('["user.list","list",{}]');
    }
    this.#connection.send(JSON.stringify(["user.fetch", n, { id: this.user }]));
  }
}
