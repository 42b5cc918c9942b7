/** Nodes of a chaos cluster: processes that `foyer local`'s own code keeps running, each with links of its own. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inherited } from "../../../shared/testing/node.ts";
import { type OpenProxy, openTcpProxy } from "../../../shared/testing/tcp-proxy.ts";
import type { Guardian } from "../../local/guardian.ts";
import { LocalNode } from "../../local/local-node.ts";
import { freePort } from "../../local/ports.ts";
import { findRoot } from "./build.ts";

/** One node. */
export interface ChaosNode {
  name: string;
  role: "gateway" | "worker";
  /** 0 while it is being started again. */
  pid(): number;
  /** What the node is called in the cluster right now. */
  id(): string;
  /** A gateway's public port, the same after each restart. */
  port(): number;
  /** What can only be done to a node of a cluster that is the runner's own; null where it is not. */
  own: OwnParts | null;
}

/** A node's surroundings. */
interface OwnParts {
  redis: OpenProxy;
  /** A gateway has none. */
  postgres: OpenProxy | null;
  /** Sets its wall clock wrong by so many ms. */
  shiftClock(ms: number): void;
}

/** One that was made here. */
export interface OwnNode extends ChaosNode {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Tells that a node ended, and how: a signal, or its exit status. */
type OnEnd = (name: string, reason: string) => void;

interface NodeOptions {
  role: ChaosNode["role"];
  name: string;
  /** The folder whose `deploy/bin/foyer.mjs` it runs. */
  program: string;
  /** For its log and its clock. */
  folder: string;
  databaseUrl: string;
  redisUrl: string;
  redisPrefix: string;
  guardian: Guardian;
  onEnd: OnEnd;
}

const STOP_MS = 10_000;

/** How long nodes of a chaos cluster take to drain: one that takes longer is away for longer. */
export const DRAIN_SECONDS = 2;

/** Makes one; it runs once it is started. */
export async function makeNode(options: NodeOptions): Promise<OwnNode> {
  const { role, name, program, folder, guardian, onEnd } = options;
  const redis = await openTcpProxy(addressOf(options.redisUrl));
  const postgres = role === "worker" ? await openTcpProxy(addressOf(options.databaseUrl)) : null;
  mkdirSync(folder, { recursive: true });
  const clockFile = join(folder, `${name}.clock`);
  const shiftClock = (ms: number) => writeFileSync(clockFile, String(ms));
  shiftClock(0);
  const logFile = join(folder, `${name}.log`);
  const node = new LocalNode({
    name,
    program: [join(program, "deploy/bin/foyer.mjs"), role === "worker" ? "core" : "gateway"],
    environment: {
      ...inherited(),
      ...(postgres === null ? {} : { DATABASE_URL: through(options.databaseUrl, postgres) }),
      REDIS_URL: through(options.redisUrl, redis),
      FOYER_REDIS_PREFIX: options.redisPrefix,
      FOYER_PORT: String(await freePort()),
      FOYER_OPS_PORT: "0",
      FOYER_RATE: "0",
      FOYER_UPDATE_RATE: "0",
      FOYER_MAX_FAILED_LOGINS_PER_IP: "0",
      FOYER_DRAIN_SECONDS: String(DRAIN_SECONDS),
      FOYER_LOG_LEVEL: "info",
      CHAOS_CLOCK: clockFile,
      NODE_OPTIONS: `--import ${clockModule()}`,
    },
    logFile,
    guardian,
    onChange: () => {},
    onExit: (reason) => onEnd(name, reason),
  });
  return {
    name,
    role,
    pid: () => node.pid,
    id: () => node.ready.id,
    port: () => node.ready.port ?? 0,
    own: { redis, postgres, shiftClock },
    start: () => node.start(),
    async stop() {
      await node.stop({ hasten: true, deadlineMs: STOP_MS });
      await Promise.all([redis.close(), postgres?.close()]);
    },
  };
}

/** Where the module that shifts clocks is; nodes run compiled code, and so it is compiled too. */
function clockModule(): string {
  return pathToFileURL(join(findRoot(), "dist/deploy/chaos/world/shifted-clock.js")).href;
}

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** The same address, by way of a proxy. */
function through(url: string, proxy: OpenProxy): string {
  const changed = new URL(url);
  changed.hostname = "127.0.0.1";
  changed.port = String(proxy.port);
  return changed.href;
}
