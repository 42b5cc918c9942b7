/**
 * A lean WebSocket client over node:net: no compression, nothing but text. The `ws` package costs several times as
 * much per frame, and then the generator would be what is measured.
 */
import { createHash } from "node:crypto";
import { connect, isIP, type Socket, type SocketConnectOpts } from "node:net";
import { connect as connectTls } from "node:tls";
import { createFrameReader, encodeClose, encodeFrame, OPCODE } from "./frames.ts";

/** One open connection. Set the handlers at once after `openConnection`: frames are delivered from then on. */
export interface Connection {
  send(text: string): void;
  onMessage: (text: string) => void;
  /** Called once; 1006 when the link ended without a goodbye. */
  onClose: (code: number, reason: string) => void;
  /** Says goodbye; `onClose` tells when it is done. */
  close(): void;
}

const OPEN_MS = 15_000;
const CLOSE_MS = 2_000;
const MAX_HEAD_BYTES = 16_384;

/** Keys are no secrets: they only keep caches from answering, and there is none on the way. */
const KEY = Buffer.alloc(16, 7).toString("base64");
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

/** All sockets read into it: each read is parsed before the next one starts, and the parser copies what it keeps. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** How a connection is opened. */
export interface OpenOptions {
  /** The address of this machine that it comes from (`source-address.ts`); undefined: whichever the system takes. */
  localAddress?: string | undefined;
}

/**
 * Opens a connection.
 *
 * @throws when the URL is no ws:// or wss:// one, or the node refuses the upgrade
 */
export async function openConnection(url: string, { localAddress }: OpenOptions = {}): Promise<Connection> {
  const target = checkTarget(url);
  return new Promise((resolve, reject) => {
    let receive: (chunk: Buffer) => void = () => {};
    const socket = connectSocket(target, {
      host: target.hostname,
      port: target.port,
      localAddress,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (bytes) => {
          receive(readBuffer.subarray(0, bytes));
          return true;
        },
      },
    });
    let head = Buffer.alloc(0);
    const fail = (why: string) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Error(`${url}: ${why}`));
    };
    const timer = setTimeout(() => fail(`no answer to the upgrade within ${OPEN_MS / 1000} s`), OPEN_MS);
    const onError = (error: Error) => fail(`cannot connect: ${error.message}; does the cluster run there?`);
    const onEarlyClose = () => fail("the server hung up during the upgrade");
    socket.on("error", onError);
    socket.on("close", onEarlyClose);
    socket.on(target.isSecure ? "secureConnect" : "connect", () => socket.write(upgradeRequest(target)));
    receive = (chunk) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) {
        if (head.length > MAX_HEAD_BYTES) fail("the answer to the upgrade has no end");
        return;
      }
      const refused = whyRefused(head.toString("latin1", 0, end));
      if (refused !== null) return fail(refused);
      clearTimeout(timer);
      socket.off("error", onError);
      socket.off("close", onEarlyClose);
      const { connection, read } = createConnection(socket);
      resolve(connection);
      // Frames may have come with the head: they wait until whoever awaits this has set the handlers.
      let early: Buffer[] | null = [head.subarray(end + 4)];
      receive = (next) => (early === null ? read(next) : void early.push(Buffer.from(next)));
      setImmediate(() => {
        const waiting = Buffer.concat(early ?? []);
        early = null;
        read(waiting);
      });
    };
  });
}

/** What happens on a socket whose upgrade is done. */
function createConnection(socket: Socket): { connection: Connection; read: (chunk: Buffer) => void } {
  let outcome: [code: number, reason: string] = [1006, ""];
  let saidGoodbye = false;
  const sayGoodbye = (code: number) => {
    if (saidGoodbye || socket.destroyed) return;
    saidGoodbye = true;
    socket.end(encodeClose(code));
    const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
    socket.once("close", () => clearTimeout(timer));
  };
  const connection: Connection = {
    send(text) {
      if (!saidGoodbye && socket.writable) socket.write(encodeFrame(OPCODE.text, text));
    },
    onMessage: () => {},
    onClose: () => {},
    close: () => sayGoodbye(1000),
  };
  const readFrames = createFrameReader({
    onText: (text) => connection.onMessage(text),
    onPing: (payload) => {
      if (!saidGoodbye) socket.write(encodeFrame(OPCODE.pong, payload));
    },
    onClose: (code, reason) => {
      outcome = [code, reason];
      sayGoodbye(code === 1005 ? 1000 : code);
    },
  });
  const read = (chunk: Buffer) => {
    try {
      readFrames(chunk);
    } catch (error) {
      outcome = [1006, (error as Error).message];
      socket.destroy();
    }
  };
  socket.on("error", (error) => {
    outcome = [1006, error.message];
  });
  socket.on("close", () => connection.onClose(...outcome));
  return { connection, read };
}

interface Target {
  isSecure: boolean;
  hostname: string;
  port: number;
  host: string;
  path: string;
}

function checkTarget(url: string): Target {
  if (!URL.canParse(url))
    throw new Error(`${JSON.stringify(url)} is no URL: give one such as ws://127.0.0.1:8375/ws/world/sample`);
  const { protocol, hostname, host, port, pathname, search } = new URL(url);
  if (protocol !== "ws:" && protocol !== "wss:")
    throw new Error(`${url}: the load test speaks ws:// and wss://, not ${protocol}//`);
  const isSecure = protocol === "wss:";
  const plain = hostname.replace(/^\[|\]$/g, "");
  return {
    isSecure,
    hostname: plain,
    host,
    port: Number(port || (isSecure ? 443 : 80)),
    path: pathname + search,
  };
}

function connectSocket({ isSecure, hostname }: Target, options: SocketConnectOpts): Socket {
  if (!isSecure) return connect(options);
  // TLS names hosts, not addresses.
  return connectTls({ ...options, ...(isIP(hostname) === 0 ? { servername: hostname } : {}) });
}

function upgradeRequest({ host, path }: Target): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${KEY}`,
    "Sec-WebSocket-Version: 13",
    "\r\n",
  ].join("\r\n");
}

/** Why this answer is no agreement to speak WebSocket; null if it is one. */
function whyRefused(head: string): string | null {
  const [status = "", ...headers] = head.split("\r\n");
  if (!/^HTTP\/1\.1 101 ?/.test(status)) return `the server refused the upgrade: ${status}`;
  const accept = headers.find((line) => /^sec-websocket-accept:/i.test(line));
  if (accept?.slice(accept.indexOf(":") + 1).trim() === ACCEPT) return null;
  return "the server agreed to the upgrade with a wrong Sec-WebSocket-Accept header";
}
