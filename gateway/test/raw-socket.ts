/** A TCP socket to a gateway that speaks HTTP and WebSocket byte by byte, as no library would. */
import { connect, type Socket } from "node:net";

/** WebSocket opcodes. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

interface FrameOptions {
  fin?: boolean;
  /** The three reserved bits. */
  reserved?: number;
  isMasked?: boolean;
  /** What the header says, where that is a lie. */
  length?: bigint;
}

/** A request to upgrade. @param headers lines that end in CRLF */
export function upgradeRequest(path: string, headers = ""): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`
  );
}

/** One WebSocket frame, right or wrong. */
export function frameBytes(opcode: number, payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { fin = true, reserved = 0, isMasked = true } = options;
  const bytes = Buffer.from(payload as string);
  const length = options.length ?? BigInt(bytes.length);
  const mask = isMasked ? 128 : 0;
  const header = [(fin ? 128 : 0) | (reserved << 4) | opcode];
  const long = Buffer.alloc(length < 126n ? 0 : length < 65_536n ? 2 : 8);
  if (length < 126n) header.push(mask | Number(length));
  else if (length < 65_536n) {
    header.push(mask | 126);
    long.writeUInt16BE(Number(length));
  } else {
    header.push(mask | 127);
    long.writeBigUInt64BE(length);
  }
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([Buffer.from(header), long, Buffer.alloc(isMasked ? 4 : 0), bytes]);
}

/** Opens a socket and writes to it. */
export function openRaw(base: string, bytes: string | Buffer = "") {
  const { port } = new URL(base);
  const socket: Socket = connect(Number(port), "127.0.0.1");
  const chunks: Buffer[] = [];
  let wake = () => {};
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    wake();
  });
  // A gateway that cuts resets what is still on its way.
  socket.on("error", () => {});
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write(bytes);
  return {
    socket,
    heard: () => Buffer.concat(chunks).toString("latin1"),
    /** Resolves once what came contains the text. @throws Error when the socket closes before */
    async until(text: string): Promise<void> {
      while (!Buffer.concat(chunks).includes(text)) {
        if (socket.destroyed) throw new Error(`closed without ${text}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
          socket.once("close", resolve);
        });
      }
    },
    /** All that came, once the other side closed. */
    async closed(): Promise<string> {
      await ended;
      return Buffer.concat(chunks).toString("latin1");
    },
    end: () => void socket.destroy(),
  };
}

/** The same with an upgrade that was let in; what comes then follows the empty line. */
export async function openRawWebSocket(base: string, path = "/ws/world/w", headers = "") {
  const raw = openRaw(base, upgradeRequest(path, headers));
  await raw.until("\r\n\r\n");
  if (!raw.heard().startsWith("HTTP/1.1 101")) throw new Error(`no upgrade: ${raw.heard().slice(0, 40)}`);
  const after = (text: string) => text.slice(text.indexOf("\r\n\r\n") + 4);
  return { ...raw, heard: () => after(raw.heard()), closed: async () => after(await raw.closed()) };
}
