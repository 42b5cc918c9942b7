/** A WebSocket proxy before a real gateway, which does to chosen frames what must never happen to them. */
import type { AddressInfo } from "node:net";
import type { Test } from "tap";
import { WebSocket, WebSocketServer } from "ws";
import { type Target, targetOfUrls } from "../cluster.ts";

// biome-ignore lint/suspicious/noExplicitAny: frames are JSON, and a fault looks into them as it likes
export type Frame = any[];

/** One client's way through the proxy. */
export interface Passage {
  /** The account, once it is logged in. */
  user: string;
  toClient(text: string): void;
  /** All that are open now, this one too. */
  all: ReadonlySet<Passage>;
  /** What a fault keeps back. */
  held: string[];
}

/** What it does wrong. Each gives what passes instead of a frame: nothing, it twice, another one. */
export interface Faults {
  fromGateway?(frame: Frame, text: string, passage: Passage): string[];
  fromClient?(frame: Frame, text: string, passage: Passage): string[];
}

/** Starts one before the gateway at `url`; it ends with the test. */
export async function startFaultyProxy(t: Test, url: string, faults: Faults): Promise<Target> {
  const all = new Set<Passage>();
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  t.teardown(() => {
    for (const near of server.clients) near.terminate();
    server.close();
  });
  server.on("connection", (near) => {
    const far = new WebSocket(url, { perMessageDeflate: false });
    const passage: Passage = { user: "", toClient: (text) => near.send(text), all, held: [] };
    all.add(passage);
    let early: string[] | null = [];
    const toGateway = (text: string) => (early === null ? far.send(text) : void early.push(text));
    far.on("open", () => {
      const waiting = early ?? [];
      early = null;
      for (const text of waiting) far.send(text);
    });
    near.on("message", (data) => {
      const text = data.toString();
      const passing = faults.fromClient?.(JSON.parse(text), text, passage) ?? [text];
      for (const each of passing) toGateway(each);
    });
    far.on("message", (data) => {
      const text = data.toString();
      const frame: Frame = JSON.parse(text);
      if (frame[0] === "authenticated") passage.user = frame[1]["user.config"].id;
      for (const each of faults.fromGateway?.(frame, text, passage) ?? [text]) passage.toClient(each);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("close", () => {
        all.delete(passage);
        other.terminate();
      });
      one.on("error", () => {
        // The close that follows takes the other side along.
      });
    }
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return targetOfUrls([`ws://127.0.0.1:${(server.address() as AddressInfo).port}${new URL(url).pathname}`]);
}
