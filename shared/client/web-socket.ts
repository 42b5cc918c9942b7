/** As much of the WebSocket API as the client uses: browsers have it, and so has the package `ws`. */

/** Makes a handler's type take narrower events too, as those of the DOM and of `ws` are. */
type Handler<E> = { bivariant(event: E): void }["bivariant"] | null;

/** One WebSocket. */
export interface WebSocketLike {
  onopen: Handler<unknown>;
  onmessage: Handler<{ data: unknown }>;
  /** Says nothing in a browser, and why in Node. */
  onerror: Handler<unknown>;
  onclose: Handler<{ code: number; reason: string }>;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  /** Ends it without a goodbye; `ws` has it, browsers do not. */
  terminate?(): void;
}

/** What makes one. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/**
 * The platform's own WebSocket.
 *
 * @throws where there is none, as in Node 20
 */
export function platformWebSocket(): WebSocketConstructor {
  const { WebSocket } = globalThis as { WebSocket?: WebSocketConstructor };
  if (WebSocket !== undefined) return WebSocket;
  throw new Error('This platform has no WebSocket: give one, such as that of the package "ws"');
}
