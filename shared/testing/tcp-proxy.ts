/** A TCP proxy between a node and a store, whose links are cut, frozen, held up or slowed down. */
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";

/** Which way bytes go: up is from whoever dials to the target. */
export type Direction = "up" | "down";

export interface TcpProxy {
  port: number;
  /** Cuts what is open and refuses what comes, until `heal`. */
  cut(): void;
  /** Passes nothing on, and closes nothing: as when a cable is pulled. One way only where a direction is given. */
  freeze(direction?: Direction): void;
  /** Keeps bytes back until `heal`, which passes them on: as TCP does over a network that is away for a moment. */
  hold(direction?: Direction): void;
  /** Passes everything on so many ms late, each way. */
  delay(ms: number): void;
  /** Ends all of that. What was frozen has lost bytes, so that only new links are whole: the others are cut. */
  heal(): void;
  /** The same without a word to anybody: links that lost bytes stay open, and nothing passes on them ever again. */
  healSilently(): void;
}

/** One that is ended by whoever started it. */
export interface OpenProxy extends TcpProxy {
  close(): Promise<void>;
}

type Way = "open" | "frozen" | "held";

/** One direction of one link. */
interface Half {
  from: Socket;
  to: Socket;
  direction: Direction;
  /** Bytes of it have vanished. */
  isBroken: boolean;
}

const directions: readonly Direction[] = ["up", "down"];

/** Starts one; it ends with the test, or whatever else does `teardown`. */
export async function startTcpProxy(
  t: { teardown(end: () => unknown): void },
  target: { host: string; port: number },
): Promise<TcpProxy> {
  const proxy = await openTcpProxy(target);
  t.teardown(() => proxy.close());
  return proxy;
}

/** Starts one that lives until it is closed. */
export async function openTcpProxy(target: { host: string; port: number }): Promise<OpenProxy> {
  const halves = new Set<Half>();
  const ways: Record<Direction, Way> = { up: "open", down: "open" };
  let isCut = false;
  let delayMs = 0;

  const destroy = ({ from, to }: Half) => {
    from.destroy();
    to.destroy();
  };
  const pass = (half: Half, data: Buffer) => {
    if (half.isBroken) return;
    if (ways[half.direction] === "frozen") half.isBroken = true;
    else half.to.write(data);
  };
  const link = (from: Socket, to: Socket, direction: Direction) => {
    const half: Half = { from, to, direction, isBroken: false };
    halves.add(half);
    from.on("data", (data) => {
      if (delayMs === 0) pass(half, data);
      else setTimeout(pass, delayMs, half, data);
    });
    from.on("error", () => from.destroy());
    from.on("close", () => {
      // Nobody hears of it where nothing passes.
      half.isBroken ||= ways[direction] === "frozen";
      if (half.isBroken) return;
      halves.delete(half);
      if (delayMs === 0) to.destroy();
      else setTimeout(() => to.destroy(), delayMs);
    });
    if (ways[direction] === "held") from.pause();
  };
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = dial(target);
    link(near, far, "up");
    link(far, near, "down");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const set = (way: Way, direction?: Direction) => {
    for (const each of direction === undefined ? directions : [direction]) ways[each] = way;
    for (const { from, direction: its } of halves) {
      if (ways[its] === "held") from.pause();
      else from.resume();
    }
  };
  const open = (end: (half: Half) => void) => {
    // Paused sockets must not pass on what a frozen way would have lost.
    for (const half of halves) if (half.isBroken) end(half);
    isCut = false;
    delayMs = 0;
    set("open");
  };
  const cut = () => {
    for (const half of halves) destroy(half);
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      cut();
    },
    freeze: (direction) => set("frozen", direction),
    hold: (direction) => set("held", direction),
    delay(ms) {
      delayMs = ms;
    },
    heal: () => open(destroy),
    healSilently: () => open(() => {}),
    async close() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
