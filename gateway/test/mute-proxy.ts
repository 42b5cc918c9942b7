/**
 * A proxy before Redis whose subscriptions can die unnoticed: what is published arrives no more, while the link stands
 * and its pings are answered, as behind a proxy that lost its own way to the server. All other links work.
 */
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import type { Test } from "tap";

const PONG = "*2\r\n$4\r\npong\r\n$0\r\n\r\n";

/** How many links it has muted, and how to go on. */
export interface MuteProxy {
  port: number;
  /** Mutes the links that have subscriptions. @param alsoNew and those that get some later */
  mute(alsoNew: boolean): void;
  /** Everything that comes from now on arrives again. */
  unmute(): void;
}

/** Starts one; it ends with the test. */
export async function startMuteProxy(t: Test, target: { host: string; port: number }): Promise<MuteProxy> {
  const subscribers = new Set<Socket>();
  const muted = new Set<Socket>();
  const sockets = new Set<Socket>();
  let mutesNew = false;

  const server = createServer((near) => {
    const far = dial(target);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (data) => {
      const text = data.toString("latin1");
      if (/\r\nsubscribe\r\n/i.test(text)) {
        subscribers.add(near);
        if (mutesNew) muted.add(near);
      }
      far.write(data);
      if (muted.has(near)) for (const _ of text.matchAll(/\r\nping\r\n/gi)) near.write(PONG);
    });
    far.on("data", (data) => {
      if (!muted.has(near)) near.write(data);
    });
    near.on("close", () => {
      subscribers.delete(near);
      muted.delete(near);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return {
    port: (server.address() as AddressInfo).port,
    mute(alsoNew) {
      mutesNew = alsoNew;
      for (const near of subscribers) muted.add(near);
    },
    unmute() {
      mutesNew = false;
      muted.clear();
    },
  };
}
