/**
 * Stands for the Service before the gateways: sends each new connection to one that was ready when it last asked. It
 * also keeps the books of what happens on connections.
 */
import type { WebSocketConstructor, WebSocketLike } from "../../shared/client/web-socket.ts";
import type { TestGateway } from "../../shared/testing/node.ts";
import { type Connection, openConnection } from "../frame-client.ts";

const LOOK_EVERY_MS = 100;

/** The end of a connection that stood. */
export interface Ended {
  gateway: TestGateway;
  code: number;
  /** By `performance.now()`. */
  at: number;
}

/** A connection that stands, and who is to be told of its end. */
interface Opened {
  connection: Connection;
  closed(code: number): void;
}

export class Service {
  readonly ended: Ended[] = [];
  /** When connections were asked for, by `performance.now()`. */
  readonly asked: number[] = [];
  /** Upgrades that were refused, or met nobody: readiness is known a moment late. */
  turnedAway = 0;
  /** Frames that were sent a second time, on another connection. */
  resent = 0;
  #isOver = false;
  readonly #world: string;
  #gateways: { gateway: TestGateway; isReady: boolean }[] = [];
  #next = 0;
  readonly #looking: NodeJS.Timeout;

  constructor(world: string) {
    this.#world = world;
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** One that is ready. */
  add(gateway: TestGateway): void {
    this.#gateways.push({ gateway, isReady: true });
  }

  remove(gateway: TestGateway): void {
    this.#gateways = this.#gateways.filter((each) => each.gateway !== gateway);
  }

  /** What clients do from here on is none of the rollout's. */
  close(): void {
    this.#isOver = true;
    clearInterval(this.#looking);
  }

  /** For one client. */
  webSocket(): WebSocketConstructor {
    const service = this;
    let lastId = 0;
    const onSend = (text: string) => {
      const id = Number(/^\["user\.[a-z.]+",(\d+),/.exec(text)?.[1] ?? Number.NaN);
      if (id <= lastId) this.resent++;
      lastId = Math.max(lastId, id || 0);
    };
    return class extends ServiceSocket {
      constructor() {
        super(service.#open(), onSend);
      }
    };
  }

  async #open(): Promise<Opened> {
    this.asked.push(performance.now());
    const ready = this.#gateways.filter(({ isReady }) => isReady);
    const chosen = ready[this.#next++ % Math.max(1, ready.length)];
    try {
      if (chosen === undefined) throw new Error("no gateway is ready");
      const { gateway } = chosen;
      const connection = await openConnection(gateway.world(this.#world));
      const closed = (code: number) => {
        if (!this.#isOver) this.ended.push({ gateway, code, at: performance.now() });
      };
      return { connection, closed };
    } catch (error) {
      this.turnedAway++;
      throw error;
    }
  }

  #look(): void {
    for (const each of this.#gateways) {
      fetch(`${each.gateway.ops}/readyz`).then(
        ({ ok }) => {
          each.isReady = ok;
        },
        () => {
          each.isReady = false;
        },
      );
    }
  }
}

/** A WebSocket of the load test's lean kind, as the project's client wants it. */
class ServiceSocket implements WebSocketLike {
  onopen: WebSocketLike["onopen"] = null;
  onmessage: WebSocketLike["onmessage"] = null;
  onerror: WebSocketLike["onerror"] = null;
  onclose: WebSocketLike["onclose"] = null;
  readonly #onSend: (text: string) => void;
  #connection: Connection | null = null;
  #isClosing = false;

  constructor(opening: Promise<Opened>, onSend: (text: string) => void) {
    this.#onSend = onSend;
    opening.then(
      ({ connection, closed }) => {
        this.#connection = connection;
        connection.onMessage = (data) => this.onmessage?.({ data });
        connection.onClose = (code, reason) => {
          closed(code);
          this.onclose?.({ code, reason });
        };
        if (this.#isClosing) connection.close();
        else this.onopen?.(null);
      },
      (error: Error) => this.onclose?.({ code: 1006, reason: error.message }),
    );
  }

  send(text: string): void {
    this.#onSend(text);
    this.#connection?.send(text);
  }

  close(): void {
    this.#isClosing = true;
    this.#connection?.close();
  }
}
