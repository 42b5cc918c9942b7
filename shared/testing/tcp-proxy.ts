/** A TCP proxy between a node and a store, whose links a test cuts or freezes. */
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";

export interface TcpProxy {
  port: number;
  /** Cuts what is open and refuses what comes, until `heal`. */
  cut(): void;
  /** Passes nothing on, and closes nothing: as when a cable is pulled. */
  freeze(): void;
  heal(): void;
}

/** Starts one; it ends with the test, or whatever else does `teardown`. */
export async function startTcpProxy(
  t: { teardown(end: () => unknown): void },
  target: { host: string; port: number },
): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let mode: "open" | "cut" | "frozen" = "open";
  const server = createServer((near) => {
    if (mode === "cut") return near.destroy();
    const far = dial(target);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (data) => {
        if (mode === "open") to.write(data);
      });
      from.on("error", () => from.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  t.teardown(() => {
    destroyAll();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      mode = "cut";
      destroyAll();
    },
    freeze() {
      mode = "frozen";
    },
    heal() {
      // What was frozen has lost bytes: only new links are whole.
      if (mode === "frozen") destroyAll();
      mode = "open";
    },
  };
}
