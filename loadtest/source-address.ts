/** What one machine allows a client to open: ports of an address, and files of a process. */
import { readFileSync } from "node:fs";

/** An address has some 28,000 ports for connections that leave it; the rest is for others on the machine. */
const CONNECTIONS_AN_ADDRESS = 20_000;

/** What a process needs besides its connections. */
const SPARE_FILES = 100;

/**
 * The address that connection number `index` comes from: beyond the first 20,000 to this machine another one of
 * 127.0.0.0/8, all of which is its own. undefined: whichever the system takes.
 */
export function sourceAddress(url: string, index: number): string | undefined {
  const nth = Math.floor(index / CONNECTIONS_AN_ADDRESS);
  if (nth === 0 || process.platform !== "linux") return undefined;
  const { hostname } = new URL(url);
  if (!/^(localhost|127\.\d+\.\d+\.\d+)$/.test(hostname)) return undefined;
  return `127.0.${nth >> 8}.${(nth % 256) + 1}`;
}

/** How many connections one process may hold, by its limit of open files; Node has raised that as far as it may. */
function connectionsAProcess(): number {
  try {
    const [, soft] =
      /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === "unlimited" || soft === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(0, Number(soft) - SPARE_FILES);
  } catch {
    // Not Linux: the system will say so itself.
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * How many generators so many connections take.
 *
 * @param wanted how many there are to be in any case
 * @param nodes gateways that share the connections, each a process with the same limit; undefined: not known
 * @throws Error when no number of them suffices
 */
export function generatorsFor(connections: number, wanted: number, nodes?: number): number {
  const most = connectionsAProcess();
  const hint = `raise the limit of open files (now ${most + SPARE_FILES} a process), as with "ulimit -n 100000"`;
  if (most < 1) throw new Error(`a process may hold no connections at all: ${hint}`);
  if (nodes !== undefined && connections > most * nodes) {
    throw new Error(
      `${connections} connections are more than ${nodes} gateways on this machine may hold: ${hint}`,
    );
  }
  return Math.max(wanted, Math.ceil(connections / most));
}
