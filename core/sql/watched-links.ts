/**
 * Links to Postgres that end when they are dead, whatever TCP says (half-open, a server that stands still): the
 * driver itself would wait for an answer for ever, and the command that waits for it with it.
 */
import { connect, type Socket } from "node:net";

/** What the driver tells of where to connect to. */
interface Target {
  host: string | readonly string[];
  port: number | readonly number[];
  path?: string | undefined;
}

/** What is known of one link. */
interface Link {
  /** Bytes that have come. */
  read: number;
  /** Bytes that had been sent when the last ones came: more are questions without an answer. */
  answered: number;
  /** When they came, by `performance.now()`. */
  heardAt: number;
  /** Since when an answer is waited for. */
  waitingSince: number | null;
}

const LOOK_EVERY_MS = 250;

/**
 * A link that is silent for so long is given up also where nothing seems to be asked: of two questions at once only
 * the first may have been answered.
 */
const IDLE_MS = 60_000;

/**
 * @param silenceMs how long an answer may take; longer than the server itself lets a statement run
 * @returns the driver's `socket` option
 */
export function createWatchedLinks(silenceMs: number): (target: Target) => Socket {
  const links = new Map<Socket, Link>();
  let turn = 0;
  let timer: NodeJS.Timeout | null = null;
  const look = () => {
    const now = performance.now();
    for (const [socket, link] of links) {
      if (socket.destroyed) links.delete(socket);
      // With TLS the driver takes our listener off.
      else if (socket.bytesRead !== link.read) heard(socket, link);
      else if (isDead(socket, link, now, silenceMs))
        socket.destroy(Object.assign(new Error("Postgres is silent"), { code: "ETIMEDOUT" }));
    }
    if (links.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
  return (target) => {
    const socket = open(target, turn++);
    const link = { read: 0, answered: 0, heardAt: performance.now(), waitingSince: null };
    links.set(socket, link);
    socket.on("data", () => heard(socket, link));
    timer ??= setInterval(look, LOOK_EVERY_MS);
    return socket;
  };
}

function heard(socket: Socket, link: Link): void {
  link.read = socket.bytesRead;
  link.answered = socket.bytesWritten;
  link.heardAt = performance.now();
  link.waitingSince = null;
}

function isDead(socket: Socket, link: Link, now: number, silenceMs: number): boolean {
  if (socket.bytesWritten > link.answered) link.waitingSince ??= now;
  const isSilent = link.waitingSince !== null && now - link.waitingSince > silenceMs;
  return isSilent || now - link.heardAt > IDLE_MS;
}

/** Of several servers one after the other, as the driver does it. */
function open({ host, port, path }: Target, turn: number): Socket {
  if (path) return connect(path);
  const hosts = [host].flat();
  const ports = [port].flat();
  const address = { host: hosts[turn % hosts.length]!, port: ports[turn % ports.length]! };
  // As the driver's own have it, for TLS to go by.
  return Object.assign(connect(address), address);
}
