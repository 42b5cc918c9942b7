/**
 * Ports on this machine. What dies and is started again needs its old one back: so ports come from below the range
 * out of which the system gives every connection that goes out a port of its own. One from that range may be taken
 * while nobody listens on it, most easily by a client that tries to reach whoever is away.
 */
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** Below are services that people know by their number. */
const FIRST = 10_240;
/** Where a system does not say where its own range begins: none begins lower. */
const LAST = 32_767;
const ATTEMPTS = 100;

/** Whether nobody listens on a port, on any address. */
function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A port that nobody listens on at this moment, and that no outgoing connection will be given. */
export async function freePort(): Promise<number> {
  const last = lastPort();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST, last + 1);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`no free port from ${FIRST} to ${last}`);
}

function lastPort(): number {
  try {
    const [first] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/);
    const below = Number(first) - 1;
    return below > FIRST ? below : LAST;
  } catch {
    // Not Linux.
    return LAST;
  }
}

/**
 * The public ports of so many gateways, one after the other from `first`.
 *
 * @param first null: 8375, or any free ones where that is taken; 0: any free ones
 * @throws Error when a port that was asked for is taken
 */
export async function choosePorts(first: number | null, count: number): Promise<number[]> {
  const base = first ?? 8375;
  if (base === 0) return await freePorts(count);
  const wanted = Array.from({ length: count }, (_, i) => base + i);
  const free = await Promise.all(wanted.map(isPortFree));
  const taken = wanted.filter((_, i) => !free[i]);
  if (taken.length === 0) return wanted;
  if (first === null) return await freePorts(count);
  throw new Error(`port ${taken.join(", ")} is taken: give another --port, or --port 0 for free ones`);
}

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}
