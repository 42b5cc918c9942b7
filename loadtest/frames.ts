/** WebSocket frames as bytes: writing a client's, reading a server's out of whatever chunks the socket gives. */

/** A message larger than this ends the connection: no node sends one, so something is broken. */
const MAX_MESSAGE_BYTES = 16 * 2 ** 20;

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** What a reader of frames hears of. Payloads are only valid during the call: the bytes are read over. */
export interface FrameEvents {
  onText(text: string): void;
  onPing(payload: Buffer): void;
  onClose(code: number, reason: string): void;
}

/** The server broke RFC 6455 (or sent what this client doesn't speak). */
class FrameError extends Error {
  override name = "FrameError";
}

/**
 * One frame of a client. The masking key is 0, so that masking costs nothing: it guards proxies against hostile
 * pages, and there is no page here.
 */
export function encodeFrame(opcode: number, payload: string | Buffer): Buffer {
  const length = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = 2 + extended + 4;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.writeUInt32BE(0, start - 4);
  if (typeof payload === "string") frame.write(payload, start);
  else payload.copy(frame, start);
  return frame;
}

/** The frame that says goodbye. */
export function encodeClose(code: number): Buffer {
  const payload = Buffer.allocUnsafe(2);
  payload.writeUInt16BE(code);
  return encodeFrame(OPCODE.close, payload);
}

/**
 * Makes a function that takes chunks as they come and reports what is complete. It copies what it keeps, so the
 * caller may use the chunk's memory again.
 *
 * @throws FrameError (from the function) once the bytes are no frames of a server
 */
export function createFrameReader(events: FrameEvents): (chunk: Buffer) => void {
  let kept: Buffer | null = null;
  let fragments: Buffer[] | null = null;
  let fragmentBytes = 0;

  const take = (first: number, payload: Buffer) => {
    const opcode = first & 0x0f;
    const final = (first & 0x80) !== 0;
    if (opcode >= OPCODE.close) {
      if (!final || payload.length > 125) throw new FrameError("a control frame is fragmented or too long");
      if (opcode === OPCODE.ping) return events.onPing(payload);
      if (opcode === OPCODE.close) return events.onClose(...readClose(payload));
      if (opcode !== OPCODE.pong) throw new FrameError(`unknown opcode ${opcode}`);
      return;
    }
    if (opcode > OPCODE.text) throw new FrameError(`opcode ${opcode}: the server sends text only`);
    if ((opcode === OPCODE.continuation) !== (fragments !== null)) {
      throw new FrameError("fragments of two messages are mixed up");
    }
    if (final && fragments === null) return events.onText(payload.toString("utf8"));
    fragments ??= [];
    fragments.push(Buffer.from(payload));
    fragmentBytes += payload.length;
    if (fragmentBytes > MAX_MESSAGE_BYTES)
      throw new FrameError(`a message of over ${MAX_MESSAGE_BYTES} bytes`);
    if (!final) return;
    const text = Buffer.concat(fragments).toString("utf8");
    fragments = null;
    fragmentBytes = 0;
    events.onText(text);
  };

  return (chunk) => {
    const bytes: Buffer = kept === null ? chunk : Buffer.concat([kept, chunk]);
    kept = null;
    let at = 0;
    for (;;) {
      const frame = locate(bytes, at);
      if (frame === null) break;
      take(bytes[at]!, bytes.subarray(frame.start, frame.end));
      at = frame.end;
    }
    if (at < bytes.length) kept = Buffer.from(bytes.subarray(at));
  };
}

/** Where the payload of the frame at `at` lies; null while it isn't all there. */
function locate(bytes: Buffer, at: number): { start: number; end: number } | null {
  if (bytes.length - at < 2) return null;
  if ((bytes[at]! & 0x70) !== 0)
    throw new FrameError("a reserved bit is set, though no extension was agreed on");
  const second = bytes[at + 1]!;
  if ((second & 0x80) !== 0) throw new FrameError("a server's frame is masked");
  let length = second;
  let start = at + 2;
  if (second >= 126) {
    start += second === 126 ? 2 : 8;
    if (bytes.length < start) return null;
    length = second === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    if (length > MAX_MESSAGE_BYTES) throw new FrameError(`a frame of ${length} bytes`);
  }
  const end = start + length;
  return bytes.length < end ? null : { start, end };
}

function readClose(payload: Buffer): [code: number, reason: string] {
  // 1005: "no code was given", as browsers report it.
  return payload.length < 2 ? [1005, ""] : [payload.readUInt16BE(0), payload.toString("utf8", 2)];
}
