/** A client for tests: frames are queued as they come, then awaited; waiting has a deadline that says for what. */
import WebSocket from "ws";
import { type Close, linkFrames } from "../client/frame-link.ts";

/** Deadline of everything that a test waits for. */
const DEADLINE_MS = 15_000;

// biome-ignore lint/suspicious/noExplicitAny: frames are JSON, and a test looks into them as it likes
export type Frame = any[];

/** What a refused upgrade was told. */
export class UpgradeRefused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`upgrade refused with ${status}`);
    this.status = status;
  }
}

/**
 * Opens a WebSocket.
 *
 * @param localAddress the address of this machine to come from; the system's choice where it is left out
 * @throws UpgradeRefused
 */
export async function connectClient(
  url: string,
  headers: Record<string, string | string[]> = {},
  localAddress?: string,
) {
  const socket = new WebSocket(url, { headers, localAddress, perMessageDeflate: false });
  const heard: Frame[] = [];
  let wake = () => {};
  let close: Close | null = null;
  let lastId = 0;
  // The link of the real client, without what that makes of frames: tests also send what it never would.
  linkFrames(socket, {
    text(text) {
      heard.push(JSON.parse(text));
      wake();
    },
    closed(end) {
      close = end;
      wake();
    },
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
    socket.once("unexpected-response", (request, response) => {
      request.destroy();
      reject(new UpgradeRefused(response.statusCode ?? 0));
    });
  });

  /** Waits until `take` finds what it looks for. */
  const until = async <T>(what: string, take: () => T | undefined): Promise<T> => {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const found = take();
      if (found !== undefined) return found;
      const left = end - performance.now();
      if (left <= 0) throw new Error(`waited for ${what}; queued: ${JSON.stringify(heard).slice(0, 500)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };

  const client = {
    socket,
    /** Frames that nobody has taken yet. */
    heard,

    send(frame: Frame | string | Buffer): void {
      socket.send(Array.isArray(frame) ? JSON.stringify(frame) : frame);
    },

    /** The next frame. */
    next: () =>
      until("a frame", () => {
        const frame = heard.shift();
        if (frame === undefined && close !== null)
          throw new Error(`closed (${close.code}) instead of a frame`);
        return frame;
      }),

    /** The first frame of this kind, taken out of those that are queued. */
    take: (action: string) =>
      until(`a frame ${action}`, () => {
        const at = heard.findIndex((frame) => frame[0] === action);
        return at < 0 ? undefined : heard.splice(at, 1)[0];
      }),

    /** Sends a command under an id of its own; its answer without action and id. */
    async ask(action: string, payload: unknown): Promise<{ ok: boolean; body: Frame[number] }> {
      const id = `ask-${++lastId}`;
      client.send([action, id, payload]);
      const frame = await until(`the answer to ${action}`, () => {
        const at = heard.findIndex((each) => each[1] === id);
        if (at < 0 && close !== null) throw new Error(`closed (${close.code}) instead of an answer`);
        return at < 0 ? undefined : heard.splice(at, 1)[0];
      });
      return { ok: frame[0] === "success", body: frame[2] };
    },

    /** Logs in; the payload of `authenticated`. */
    async logIn(payload: unknown): Promise<Frame[number]> {
      client.send(["authenticate", payload]);
      const frame = await client.next();
      if (frame[0] !== "authenticated") throw new Error(`no login: ${JSON.stringify(frame)}`);
      return frame[1];
    },

    /** Proves that nothing else was on its way: what came before the answer to a ping is what there is. */
    async quiet(): Promise<Frame[]> {
      const mark = `quiet-${++lastId}`;
      client.send(["ping", mark]);
      await until("the pong", () => {
        const at = heard.findIndex(([action, payload]) => action === "pong" && payload === mark);
        return at < 0 ? undefined : heard.splice(at, 1);
      });
      return [...heard];
    },

    closed: () => until("the close", () => close ?? undefined),

    end(): void {
      socket.terminate();
    },
  };
  return client;
}
