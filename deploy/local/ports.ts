/** Ports on this machine. */
import { createServer } from "node:net";

/** Whether nobody listens on a port, on any address. */
function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * The public ports of so many gateways, one after the other from `first`.
 *
 * @param first null: 8375, or any free ones where that is taken; 0: any free ones
 * @returns 0 for a port that the gateway picks itself
 * @throws Error when a port that was asked for is taken
 */
export async function choosePorts(first: number | null, count: number): Promise<number[]> {
  const base = first ?? 8375;
  const wanted = Array.from({ length: count }, (_, i) => (base === 0 ? 0 : base + i));
  const free = await Promise.all(wanted.map((port) => port === 0 || isPortFree(port)));
  const taken = wanted.filter((_, i) => !free[i]);
  if (taken.length === 0) return wanted;
  if (first === null) return wanted.map(() => 0);
  throw new Error(`port ${taken.join(", ")} is taken: give another --port, or --port 0 for free ones`);
}
