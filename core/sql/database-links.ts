/**
 * The sockets to Postgres of one worker. A link whose packets vanish says nothing, and TCP gives it up after a
 * quarter of an hour at the earliest: what has been silent for too long is cut here, and the driver, which then
 * sees a link that broke, makes another one.
 */
import { connect, type Socket } from "node:net";

/** What the driver says about the server. */
interface DriverOptions {
  host: string[];
  port: number[];
  path: string | false;
}

/** One socket as it was when it was last looked at; times are by `performance.now()`. */
interface Looked {
  read: number;
  /** Bytes that had been written when something was last read. */
  written: number;
  /** When something was last read. */
  readAt: number;
  /** Since when an answer is waited for; the last look where none is. */
  waitsSince: number;
}

export class DatabaseLinks {
  readonly #sockets = new Map<Socket, Looked>();
  #opened = 0;

  /** Opens a socket, which connects by itself: made for the driver's option `socket`. */
  open({ host, port, path }: DriverOptions): Socket {
    const at = this.#opened++ % host.length;
    const [name, number] = [host[at]!, port[at]!];
    const socket = path === false ? connect({ host: name, port: number, noDelay: true }) : connect(path);
    const now = performance.now();
    this.#sockets.set(socket, { read: 0, written: 0, readAt: now, waitsSince: now });
    // The driver reads them for its errors, and TLS for the name of the certificate.
    return Object.assign(socket, { host: name, port: number });
  }

  /** Looks whether anything was read since the last time; to be called about once a second. */
  look(now: number): void {
    for (const [socket, looked] of this.#sockets) {
      const { bytesRead, bytesWritten } = socket;
      if (socket.destroyed) {
        this.#sockets.delete(socket);
      } else if (bytesRead !== looked.read) {
        Object.assign(looked, { read: bytesRead, written: bytesWritten, readAt: now, waitsSince: now });
      } else if (bytesWritten === looked.written) {
        looked.waitsSince = now;
      }
    }
  }

  /** Cuts those that owe an answer for so long. @returns how many */
  cutUnanswered(now: number, silentMs: number): number {
    return this.#cut((looked) => now - looked.waitsSince >= silentMs);
  }

  /** Cuts those on which nothing came for so long, whether something should have or not. @returns how many */
  cutSilent(now: number, silentMs: number): number {
    return this.#cut((looked) => now - looked.readAt >= silentMs);
  }

  /** Cuts all: what is there leads to the wrong place. */
  cutAll(): number {
    return this.#cut(() => true);
  }

  #cut(isMeant: (looked: Looked) => boolean): number {
    const meant = [...this.#sockets].filter(([, looked]) => isMeant(looked));
    for (const [socket] of meant) {
      this.#sockets.delete(socket);
      socket.destroy();
    }
    return meant.length;
  }
}
