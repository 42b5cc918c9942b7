/** The servers that Foyer is measured beside: child processes of ours, the foreign ones installed when first needed. */
import { fork, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findCheckout } from "./cluster.ts";

/** A file of `peers/`. */
export type PeerName = "uws" | "ws" | "socket-io" | "soketi";

/** A running one. */
export interface Peer {
  /** With a slash at its end. */
  url: string;
  pid: number;
  stop(): Promise<void>;
}

const folder = () => join(findCheckout(), "loadtest", "peers");

/**
 * Installs Socket.IO and soketi as their lock file says, once: no other part of the project needs them, and all
 * dependencies of the product together are smaller.
 */
export async function installPeers(progress: (line: string) => void): Promise<void> {
  const lock = readFileSync(join(folder(), "package-lock.json"));
  const stamp = `${createHash("sha1").update(lock).digest("hex")} node ${process.versions.node}`;
  const stampFile = join(folder(), "node_modules", ".installed");
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return;
  progress("installing the peers (about a minute)");
  const args = ["ci", "--prefix", folder(), "--no-audit", "--no-fund", "--ignore-scripts"];
  const child = spawn("npm", args, { cwd: folder(), stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text: Buffer) => {
      said += text.toString();
    });
  }
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error(`installing the peers failed (npm ${args.join(" ")}):\n${said}`);
  writeFileSync(stampFile, stamp);
}

/**
 * Starts one; it ends with `stop`, or when this process does.
 *
 * @param redisUrl for what several of them share
 */
export async function startPeer(name: PeerName, redisUrl?: string): Promise<Peer> {
  const args = redisUrl === undefined ? [] : [redisUrl];
  const child = fork(join(folder(), `${name}.mjs`), args, {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: [],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve((message as { port: number }).port));
    child.once("error", reject);
    child.once("exit", (status) =>
      reject(new Error(`peer ${name} ended with status ${status} as it started`)),
    );
  });
  const stop = async () => {
    if (child.connected) child.disconnect();
    await ended;
  };
  return { url: `ws://127.0.0.1:${port}/`, pid: child.pid!, stop };
}
