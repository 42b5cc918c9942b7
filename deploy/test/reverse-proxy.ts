/** Real reverse proxies before the gateways of a test, as `deploy/proxy/` sets them up, where they are installed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Test } from "tap";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { freePort } from "../local/ports.ts";

/** One that runs. */
export interface ReverseProxy {
  /** `http://127.0.0.1:…` */
  http: string;
  /** The WebSocket address of a world. */
  world(id: string): string;
  /** Whether it takes the gateway (0 or 1) for one that new connections may go to; null: it asks nobody. */
  sees: ((gateway: number) => Promise<boolean>) | null;
}

/** How long a connection may be silent before the proxy ends it: as short as pings at their quickest allow. */
export const TUNNEL_SECONDS = 10;

const configuration = (name: string) => readFileSync(new URL(`../proxy/${name}`, import.meta.url), "utf8");

/** Starts HAProxy before gateways on these ports; it ends with the test. */
export async function startHaproxy(t: Test, [first, second]: [number, number]): Promise<ReverseProxy> {
  const dir = temporaryFolder(t);
  const port = await freePort();
  writeFileSync(join(dir, "haproxy.cfg"), configuration("haproxy.cfg"));
  const socket = join(dir, "socket");
  // To ask it what it makes of the gateways.
  writeFileSync(join(dir, "socket.cfg"), `global\n  stats socket ${socket}\n`);
  const environment = {
    PROXY_BIND: `127.0.0.1:${port}`,
    PROXY_GATEWAY_1: `127.0.0.1:${first}`,
    PROXY_GATEWAY_2: `127.0.0.1:${second}`,
    PROXY_TUNNEL_TIMEOUT: `${TUNNEL_SECONDS}s`,
  };
  run(t, "haproxy", ["-db", "-f", join(dir, "haproxy.cfg"), "-f", join(dir, "socket.cfg")], environment);
  const sees = async (gateway: number) => {
    const answer = await ask(socket, "show stat\n");
    const row = answer.split("\n").find((line) => line.startsWith(`gateways,gateway-${gateway + 1},`));
    return row?.split(",")[STATUS_COLUMN]?.startsWith("UP") === true;
  };
  await waitFor("HAProxy to serve", async () => (await isOpen(port)) && (await sees(0)) && (await sees(1)));
  return { ...addresses(port), sees };
}

/** Where `show stat` has a server's state. */
const STATUS_COLUMN = 17;

/** Starts nginx before gateways on these ports; it ends with the test. */
export async function startNginx(t: Test, [first, second]: [number, number]): Promise<ReverseProxy> {
  const dir = temporaryFolder(t);
  const port = await freePort();
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const folders = kinds.map((kind) => `${kind}_temp_path ${join(dir, kind)};`);
  const replaced: [found: string, put: string][] = [
    ["listen 8375", `listen 127.0.0.1:${port}`],
    ["server gateway-1:8375", `server 127.0.0.1:${first}`],
    ["server gateway-2:8375", `server 127.0.0.1:${second}`],
    ["proxy_read_timeout 1h", `proxy_read_timeout ${TUNNEL_SECONDS}s`],
    ["proxy_send_timeout 1h", `proxy_send_timeout ${TUNNEL_SECONDS}s`],
    ["http {", `pid ${join(dir, "pid")};\nhttp {\n${folders.join("\n")}`],
  ];
  let file = configuration("nginx.conf");
  for (const [found, put] of replaced) {
    if (!file.includes(found)) throw new Error(`nginx.conf has no ${found}`);
    file = file.replace(found, put);
  }
  writeFileSync(join(dir, "nginx.conf"), file);
  run(t, "nginx", ["-e", "stderr", "-p", dir, "-c", join(dir, "nginx.conf"), "-g", "daemon off;"], {});
  await waitFor("nginx to serve", () => isOpen(port));
  return { ...addresses(port), sees: null };
}

function addresses(port: number) {
  return { http: `http://127.0.0.1:${port}`, world: (id: string) => `ws://127.0.0.1:${port}/ws/world/${id}` };
}

function temporaryFolder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "foyer-proxy-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

function run(t: Test, program: string, args: string[], environment: Record<string, string>): void {
  // biome-ignore lint/style/noProcessEnv: it is found by the PATH
  const { PATH } = process.env;
  const child = spawn(program, args, { env: { PATH, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  for (const output of [child.stdout, child.stderr]) {
    output.on("data", (written: Buffer) => t.comment(`${program}: ${written.toString().trim()}`));
  }
  t.teardown(() => end(child));
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Asks a server on a Unix socket that answers and hangs up. */
async function ask(path: string, question: string): Promise<string> {
  const socket = connect(path);
  socket.end(question);
  return await text(socket);
}
