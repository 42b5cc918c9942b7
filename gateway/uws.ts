/** The only file that knows uWebSockets: the public port's HTTP routes, upgrades and WebSockets. */

import type * as Uws from "uWebSockets.js";
import { createRequire } from "node:module";
import { closeCodes } from "../shared/protocol/close-codes.ts";

/** A client's WebSocket, as far as a connection needs it. Dead once `end` was called or it was closed. */
export interface Link {
  /** @param text as it is, or its UTF-8 @returns 1 when all of it was handed to the system, else something waits in the buffer */
  send(text: string | Buffer): number;
  /**
   * The same for the fragments of one message, of which uWebSockets' types say nothing. Until the last one, no
   * `send` may come between.
   */
  sendFirstFragment(bytes: Buffer, isBinary: boolean, compress: boolean): number;
  sendFragment(bytes: Buffer, compress: boolean): number;
  sendLastFragment(bytes: Buffer, compress: boolean): number;
  getBufferedAmount(): number;
  end(code: number, reason: string): void;
  /** Breaks it without a word; what waits in the buffer never gets there. */
  close(): void;
}

/** What happens on a WebSocket. */
export interface LinkEvents {
  text(frame: string): void;
  binary(): void;
  tooBig(): void;
  /** A ping or pong of the WebSocket itself came, and was answered. */
  control(): void;
  /** Something of what waited in the buffer was handed to the system. */
  drained(): void;
  /** It is gone, whoever closed it. */
  closed(code: number): void;
}

/** A request to upgrade. */
export interface UpgradeRequest {
  path: string;
  /** The browser's; empty outside one. */
  origin: string;
  /** The peer's address as text. */
  peer: string;
  forwardedFor: string;
}

/** What becomes of it: a status line, or what `open` is given once the WebSocket stands. */
export type Admission<T> = { refused: string } | { admitted: T };

/** An answer to a plain request. */
export interface HttpAnswer {
  status: keyof typeof statusTexts;
  type: string;
  body: string;
  /** Besides its type. */
  headers?: Readonly<Record<string, string>>;
}

/** A plain request. */
export interface HttpRequest {
  /** In lower case. */
  method: string;
  path: string;
  /** What follows the question mark; empty where nothing does. */
  query: string;
  /** Whether it comes from this machine itself, not handed on by a proxy. */
  isLocal: boolean;
}

export interface PublicServerOptions<T> {
  port: number;
  /** Longest message in bytes. */
  maxMessageBytes: number;
  idleTimeoutS: number;
  /** At once wherever that is possible; never rejects. */
  admit(request: UpgradeRequest): Admission<T> | Promise<Admission<T>>;
  /** Called instead of `open` when the client went away before it was admitted. */
  abandoned(admitted: T): void;
  open(link: Link, admitted: T): LinkEvents;
  http(request: HttpRequest): Promise<HttpAnswer>;
}

/** The listening public port. */
export interface PublicServer {
  port: number;
  /** Stops listening and cuts what is still open. */
  close(): void;
}

interface SocketData<T> {
  admitted: T;
  events: LinkEvents | null;
  /** Set where `open` itself closed it. */
  closedWith: number | null;
}

/** `LIBUS_LISTEN_EXCLUSIVE_PORT`: without it two gateways would share a port unnoticed. */
const EXCLUSIVE_PORT = 1;

const statusTexts = {
  200: "200 OK",
  302: "302 Found",
  400: "400 Bad Request",
  404: "404 Not Found",
  405: "405 Method Not Allowed",
  503: "503 Service Unavailable",
};

/** Starts it. @throws Error when the port is taken, or this machine cannot load uWebSockets */
export async function startPublicServer<T>(options: PublicServerOptions<T>): Promise<PublicServer> {
  const uws = loadUws();
  const app = uws.App();
  app.ws<SocketData<T>>("/ws/*", {
    // Twice the limit, so that a message over it can be told so; beyond that the link is cut.
    maxPayloadLength: options.maxMessageBytes * 2,
    idleTimeout: options.idleTimeoutS,
    sendPingsAutomatically: true,
    compression: uws.DISABLED,
    // The connection watches its own buffer, so that a slow reader is closed with a code and counted.
    maxBackpressure: 0,
    upgrade: (response, request, context) => upgrade(options, response, request, context),
    open: (ws) => {
      const data = ws.getUserData();
      const events = options.open(ws as unknown as Link, data.admitted);
      if (data.closedWith === null) data.events = events;
      else events.closed(data.closedWith);
    },
    message: (ws, message, isBinary) => {
      const { events } = ws.getUserData();
      if (isBinary) events?.binary();
      else if (message.byteLength > options.maxMessageBytes) events?.tooBig();
      else events?.text(Buffer.from(message).toString());
    },
    ping: (ws) => ws.getUserData().events?.control(),
    pong: (ws) => ws.getUserData().events?.control(),
    drain: (ws) => ws.getUserData().events?.drained(),
    close: (ws, code) => {
      const data = ws.getUserData();
      const { events } = data;
      data.closedWith = code;
      data.events = null;
      events?.closed(code);
    },
  });
  app.any("/*", (response, request) => serve(options, response, request));
  const socket = await new Promise<Uws.us_listen_socket>((resolve, reject) => {
    app.listen(options.port, EXCLUSIVE_PORT, (listening) => {
      if (listening) resolve(listening);
      else reject(new Error(`port ${options.port} is taken: end what listens there, or set FOYER_PORT`));
    });
  });
  return { port: uws.us_socket_local_port(socket as never), close: () => void app.close() };
}

function upgrade<T>(
  options: PublicServerOptions<T>,
  response: Uws.HttpResponse,
  request: Uws.HttpRequest,
  context: Uws.us_socket_context_t,
): void {
  let aborted = false;
  response.onAborted(() => {
    aborted = true;
  });
  // The request is gone once this function returns.
  const key = request.getHeader("sec-websocket-key");
  const protocol = request.getHeader("sec-websocket-protocol");
  const extensions = request.getHeader("sec-websocket-extensions");
  const asked: UpgradeRequest = {
    path: request.getUrl(),
    origin: request.getHeader("origin"),
    peer: Buffer.from(response.getRemoteAddressAsText()).toString(),
    forwardedFor: headerLines(request, "x-forwarded-for"),
  };
  const decide = (admission: Admission<T>) => {
    if ("refused" in admission) {
      if (!aborted) response.cork(() => response.writeStatus(admission.refused).end());
      return;
    }
    const { admitted } = admission;
    if (aborted) return options.abandoned(admitted);
    const data: SocketData<T> = { admitted, events: null, closedWith: null };
    // Not inside `cork`, of use to a late decision alone: uWebSockets 20 looks at the socket as an HTTP response
    // once more after it, which it no longer is, and now and then closes it.
    response.upgrade(data, key, protocol, extensions, context);
  };
  const admission = options.admit(asked);
  if (admission instanceof Promise) void admission.then(decide);
  else decide(admission);
}

/**
 * A header with all its lines, as one list. Some proxies add what they know on a line of its own, below the client's,
 * and `getHeader` gives the first line alone.
 */
function headerLines(request: Uws.HttpRequest, name: string): string {
  const lines: string[] = [];
  request.forEach((key, value) => {
    if (key === name) lines.push(value);
  });
  return lines.join(",");
}

function serve<T>(
  { http }: PublicServerOptions<T>,
  response: Uws.HttpResponse,
  request: Uws.HttpRequest,
): void {
  let aborted = false;
  response.onAborted(() => {
    aborted = true;
  });
  const forwarded = ["x-forwarded-for", "forwarded", "via"].some((name) => headerLines(request, name) !== "");
  const peer = Buffer.from(response.getRemoteAddressAsText()).toString();
  const isLocal = !forwarded && /^(127\.|::1$|(0+:){7}0*1$|::ffff:127\.|(0+:){5}ffff:7f)/i.test(peer);
  const asked = {
    method: request.getMethod(),
    path: request.getUrl(),
    query: request.getQuery() ?? "",
    isLocal,
  };
  void http(asked).then(({ status, type, body, headers = {} }) => {
    if (aborted) return;
    response.cork(() => {
      response
        .writeStatus(statusTexts[status])
        .writeHeader("content-type", type)
        .writeHeader("cache-control", "no-store")
        // Addresses of social logins hold tokens.
        .writeHeader("referrer-policy", "no-referrer");
      for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
      // To a HEAD a body would be the beginning of the next answer.
      // Given a length, `endWithoutBody` would wait for it.
      if (asked.method === "head") {
        response.writeHeader("content-length", String(Buffer.byteLength(body))).endWithoutBody();
      } else response.end(body);
    });
  });
}

/** Loads the native library; where that fails, says which Node or system would do. */
function loadUws(): typeof Uws {
  try {
    return createRequire(import.meta.url)("uWebSockets.js") as typeof Uws;
  } catch (error) {
    throw new Error(
      `uWebSockets.js does not load on Node ${process.version}, ${process.platform} ${process.arch}: it has builds ` +
        "for Node 20 to 25 on Linux, macOS and Windows; those for Node 22 and later need glibc 2.38 " +
        "(Debian 13, Ubuntu 24.04), the one for Node 20 does not",
      { cause: error },
    );
  }
}

/** The reason text that goes with a close code. */
export const closeReasons: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(closeCodes).map(([name, code]) => [code, name]),
);
