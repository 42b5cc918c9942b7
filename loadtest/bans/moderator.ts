/** Who bans: a connection that asks by ids, and says in the very turn of the event loop when an answer is read. */
import type { TestGateway } from "../../shared/testing/node.ts";
import { type Connection, openConnection } from "../frame-client.ts";
import type { Frame } from "./watched-connection.ts";
import { tokenFor, WORLD } from "./world.ts";

/** What an answer said. */
export interface Outcome {
  error: string | null;
  /** When its frame was sent, and its answer read, by `performance.now()`. */
  sentAt: number;
  readAt: number;
}

/** A machine that is so busy that nothing is answered in time is given up. */
const MAX_ATTEMPTS = 5;

interface Asked {
  sentAt: number;
  read(frame: Frame, readAt: number): void;
  fail(error: Error): void;
}

export class Moderator {
  readonly #connection: Connection;
  readonly #asked = new Map<number | "login", Asked>();
  #last = 0;

  private constructor(connection: Connection) {
    this.#connection = connection;
    connection.onMessage = (text) => {
      const frame = JSON.parse(text) as Frame;
      const id = frame[0] === "authenticated" ? "login" : frame[1];
      this.#asked.get(id)?.read(frame, performance.now());
      this.#asked.delete(id);
    };
    connection.onClose = (code) => {
      for (const { fail } of this.#asked.values()) fail(new Error(`a moderator was closed with ${code}`));
    };
  }

  static async logIn(gateway: TestGateway, uid: string): Promise<Moderator> {
    const moderator = new Moderator(await openConnection(gateway.world(WORLD)));
    await moderator.#ask("login", ["authenticate", { token: tokenFor(uid, ["moderator"]) }]);
    return moderator;
  }

  /**
   * Asks, again where the outcome is unknown.
   *
   * @param onSuccess called when it is read, before anything else that has come is
   */
  async ask(action: string, body: object, onSuccess: () => void = () => {}): Promise<Outcome> {
    for (let attempts = 1; ; attempts++) {
      const id = ++this.#last;
      const outcome = await this.#ask(id, [action, id, body], onSuccess);
      if (outcome.error !== "server.timeout" || attempts === MAX_ATTEMPTS) return outcome;
    }
  }

  close(): void {
    this.#connection.close();
  }

  #ask(id: number | "login", frame: unknown[], onSuccess = () => {}): Promise<Outcome> {
    return new Promise((resolve, fail) => {
      const sentAt = performance.now();
      const read = ([action, , result]: Frame, readAt: number) => {
        if (action === "success") onSuccess();
        resolve({ error: action === "error" ? (result?.code ?? "unknown") : null, sentAt, readAt });
      };
      this.#asked.set(id, { sentAt, read, fail });
      this.#connection.send(JSON.stringify(frame));
    });
  }
}
