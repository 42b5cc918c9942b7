/**
 * One WebSocket as a link for frames: text in, text out, and one end, told once. Knows nothing of what frames say.
 */
import type { WebSocketLike } from "./web-socket.ts";

/** How a link ended. 1006: without a goodbye. */
export interface Close {
  code: number;
  reason: string;
}

/** What happens on a link. */
export interface LinkEvents {
  open?(): void;
  text(frame: string): void;
  closed(close: Close): void;
}

/** An open WebSocket, or one that opens. */
export interface FrameLink {
  /** @returns whether it was open; what was sent may be lost all the same */
  send(text: string): boolean;
  /** Says goodbye. The end is told when the other side has answered. */
  close(code: number): void;
  /** Ends it at once, as closed so, and says goodbye behind it: the other side is about to close it. */
  leave(close: Close): void;
  /** Ends it at once, whatever the other side does: for a link that is silent. */
  abandon(reason: string): void;
}

/** The close code for a link that ended without one. */
const NO_GOODBYE = 1006;

/** Puts a link over a WebSocket; at once after that was made, so that nothing is missed. */
export function linkFrames(socket: WebSocketLike, events: LinkEvents): FrameLink {
  let mode: "opening" | "open" | "ended" = "opening";
  let error = "";
  const end = (close: Close) => {
    if (mode === "ended") return;
    mode = "ended";
    events.closed(close);
  };
  socket.onopen = () => {
    if (mode !== "opening") return;
    mode = "open";
    events.open?.();
  };
  socket.onmessage = ({ data }) => {
    if (mode !== "ended" && typeof data === "string") events.text(data);
  };
  // The close comes too, and is what counts; only Node says why here.
  socket.onerror = (event) => {
    error = (event as { message?: string }).message ?? "";
  };
  socket.onclose = ({ code, reason }) => end({ code, reason: reason || error });
  return {
    send(text) {
      if (mode !== "open") return false;
      socket.send(text);
      return true;
    },
    close: (code) => socket.close(code),
    leave(close) {
      end(close);
      socket.close(1000);
    },
    abandon(reason) {
      end({ code: NO_GOODBYE, reason });
      // Without `terminate`, a browser forgets the socket by itself once its goodbye stays unanswered.
      if (socket.terminate) socket.terminate();
      else socket.close();
    },
  };
}
