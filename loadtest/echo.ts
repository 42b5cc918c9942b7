/** The yardstick: the bare echo server as a child process, with connections to it. */
import { fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Connection, openConnection } from "./frame-client.ts";
import { inParallel } from "./guest.ts";

/** A running echo server. */
export interface EchoServer {
  url: string;
  stop(): Promise<void>;
}

/** Starts it; it ends with `stop`, or when this process does. */
export async function startEchoServer(): Promise<EchoServer> {
  // Beside this file, compiled or not as this file is.
  const path = new URL(`./echo-server${extname(import.meta.url)}`, import.meta.url);
  const child = fork(fileURLToPath(path), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve((message as { port: number }).port));
    child.once("error", reject);
    child.once("exit", (status) =>
      reject(new Error(`the echo server ended with status ${status} as it started`)),
    );
  });
  const stop = async () => {
    if (child.connected) child.disconnect();
    await ended;
  };
  return { url: `ws://127.0.0.1:${port}/`, stop };
}

/** Opens `count` connections to it. */
export function connectToEcho(server: EchoServer, count: number, atOnce: number): Promise<Connection[]> {
  return inParallel(count, atOnce, () => openConnection(server.url));
}
