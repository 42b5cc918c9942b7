/** The connections of this gateway: how many, from where, and who has not logged in in time. */
import { closeCodes } from "../shared/protocol/close-codes.ts";
import type { Connection } from "./connection.ts";

export class Connections {
  readonly #byNumber = new Map<number, Connection>();
  /** Not logged in yet, the oldest first. */
  readonly #anonymous = new Set<Connection>();
  readonly #byAddress = new Map<string, number>();
  /** Admitted, with or without a WebSocket yet. */
  #admitted = 0;
  #last = 0;

  /** A number that no connection of this process has had; 0 is the gateway itself. */
  nextNumber(): number {
    return ++this.#last;
  }

  /** Counts an upgrade that is being let in, until `release`. */
  reserve(address: string): void {
    this.#admitted++;
    this.#byAddress.set(address, this.admittedFrom(address) + 1);
  }

  release(address: string): void {
    this.#admitted--;
    const left = this.admittedFrom(address) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }

  get admitted(): number {
    return this.#admitted;
  }

  admittedFrom(address: string): number {
    return this.#byAddress.get(address) ?? 0;
  }

  add(connection: Connection): void {
    this.#byNumber.set(connection.number, connection);
    this.#anonymous.add(connection);
  }

  loggedIn(connection: Connection): void {
    this.#anonymous.delete(connection);
  }

  remove(connection: Connection): void {
    this.#byNumber.delete(connection.number);
    this.#anonymous.delete(connection);
  }

  get(number: number): Connection | undefined {
    return this.#byNumber.get(number);
  }

  all(): Connection[] {
    return [...this.#byNumber.values()];
  }

  get size(): number {
    return this.#byNumber.size;
  }

  counts(): { authenticating: number; authenticated: number } {
    const authenticating = this.#anonymous.size;
    return { authenticating, authenticated: this.#byNumber.size - authenticating };
  }

  /** Closes those that have not logged in within `timeoutMs`. @param now by `performance.now()` */
  closeLoitering(now: number, timeoutMs: number): void {
    for (const connection of this.#anonymous) {
      if (connection.openedAt + timeoutMs > now) break;
      connection.close(closeCodes.policy);
    }
  }
}
