/**
 * Frames that share a long text: kept in pieces, and whole only while they are sent. Encoding 40 KB of
 * `world.config` for each login, or a buffer for each, would cost more than all else that is done for it here.
 */

/** A frame of text on its way out. */
export type Frame = string | PiecedFrame;

/** Where frames are put together; large enough for any that was. */
let room = Buffer.allocUnsafeSlow(64 * 1024);

/** Its pieces are UTF-8. */
export class PiecedFrame {
  readonly #pieces: readonly Buffer[];
  readonly size: number;

  constructor(pieces: readonly Buffer[]) {
    this.#pieces = pieces;
    this.size = pieces.reduce((sum, { length }) => sum + length, 0);
  }

  /** The whole of it, valid until this is asked of another one. */
  bytes(): Buffer {
    if (this.size > room.length) room = Buffer.allocUnsafeSlow(this.size);
    let at = 0;
    for (const piece of this.#pieces) at += piece.copy(room, at);
    return room.subarray(0, at);
  }
}

/** Bytes of a frame. */
export function sizeOf(frame: Frame): number {
  return typeof frame === "string" ? Buffer.byteLength(frame) : frame.size;
}
