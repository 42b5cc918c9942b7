/** `foyer local`: the whole cluster on this machine, and nothing of it left behind, however it ends. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { migrate } from "../../core/migrate.ts";
import { connectDatabase } from "../../core/sql/database.ts";
import { createLog } from "../../shared/log.ts";
import { readSettings, settingRows } from "../../shared/settings.ts";
import { signLoginToken } from "../cli/token.ts";
import { takeDataFolder } from "./data-folder.ts";
import { placeWorld } from "./first-world.ts";
import { type Guardian, startGuardian } from "./guardian.ts";
import { LocalNode } from "./local-node.ts";
import { watchParent } from "./parent-watch.ts";
import { choosePorts } from "./ports.ts";
import { type ClusterFacts, clusterFacts, readyFacts, removeFile, writeWhole } from "./ready-file.ts";
import { watchSources } from "./rebuild.ts";
import { screen } from "./screen.ts";
import { type Stores, startStores } from "./stores.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The options of `foyer local` (docs/operations.md). */
export interface LocalOptions {
  gateways: number;
  workers: number;
  /** First public port; null: 8375, or free ones where that is taken. */
  port: number | null;
  /** A world file; null: the sample world. */
  world: string | null;
  /** "": a temporary folder. */
  data: string;
  readyFile: string | null;
  /** Restart the nodes when a source is saved. */
  watch: boolean;
}

/** A token for the two people of the screen lasts so long. */
const TOKEN_SECONDS = 30 * 24 * 60 * 60;

/** Longest that a stopping worker, or a gateway beyond its drain, is waited for. */
const STOP_MS = 12_000;

/** Runs it until it is told to stop. @returns the exit status */
export async function runLocal(options: LocalOptions, environment: Environment): Promise<number> {
  const settings = readSettings(environment);
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const end = waitForEnd(environment);
  const guardian = await startGuardian();
  const cleanUp: (() => unknown)[] = [() => guardian.close()];
  try {
    const folder = await takeDataFolder(options.data, guardian, progress);
    const stores = await startStores({
      dir: folder,
      cacheDir: join(root(), ".foyer", "cache"),
      durable: options.data !== "",
      databaseUrl: settings.DATABASE_URL,
      redisUrl: settings.REDIS_URL,
      guardian,
      progress,
      restart: settings.FOYER_LOCAL_RESTART_STORES,
      onChange: () => cluster?.tell(),
    });
    cleanUp.push(() => stores.stop());
    const world = await prepareDatabase(stores, options.world);
    if (end.hasCome()) return 0;
    progress(`Starting ${options.gateways} gateways and ${options.workers} workers …`);
    const cluster: Cluster = createCluster({
      options,
      environment,
      folder,
      stores,
      guardian,
      world,
      progress,
    });
    cleanUp.push(() =>
      cluster.stop(environment.FOYER_DRAIN_SECONDS === undefined, settings.FOYER_DRAIN_SECONDS),
    );
    end.onImpatience(() => cluster.kill());
    await Promise.race([cluster.start(), end.come]);
    if (end.hasCome()) return 0;
    cluster.tell();
    process.stdout.write(await cluster.screen());
    if (options.watch) cleanUp.push(watchSources(root(), () => cluster.restartNodes()));
    const failure = await Promise.race([end.come, stores.failed]);
    if (failure instanceof Error) {
      progress(
        `${failure.message}; the cluster ends (FOYER_LOCAL_RESTART_STORES=1 starts a store again instead)`,
      );
      return 1;
    }
    progress("Stopping …");
    return 0;
  } finally {
    for (const step of cleanUp.reverse()) await step();
    end.stopWaiting();
  }
}

interface ClusterOptions {
  options: LocalOptions;
  environment: Environment;
  folder: string;
  stores: Stores;
  guardian: Guardian;
  world: { id: string; title: string };
  progress(text: string): void;
}

type Cluster = ReturnType<typeof createCluster>;

function createCluster({ options, environment, folder, stores, guardian, world, progress }: ClusterOptions) {
  const logFolder = join(folder, "log");
  const clusterFile = join(folder, "cluster.json");
  mkdirSync(logFolder, { recursive: true });
  let isServing = false;
  const node = (role: "gateway" | "core", name: string, extra: Record<string, string>) => {
    const logFile = join(logFolder, `${name}.log`);
    writeFileSync(logFile, "");
    return new LocalNode({
      name,
      program: [join(root(), "deploy/bin/foyer.mjs"), role],
      environment: {
        ...environment,
        DATABASE_URL: stores.databaseUrl,
        REDIS_URL: stores.redisUrl,
        FOYER_OPS_PORT: "0",
        ...extra,
      },
      logFile,
      guardian,
      onChange: () => tell(),
      onExit: (reason, ms) =>
        progress(`${name} ended (${reason}); started again in ${ms} ms, see ${logFile}`),
    });
  };
  const names = (count: number, kind: string) => Array.from({ length: count }, (_, i) => `${kind}-${i + 1}`);
  const workers = names(options.workers, "worker").map((name) => node("core", name, {}));
  const gateways: LocalNode[] = [];
  const facts = (): ClusterFacts => ({
    gateways,
    workers,
    stores,
    world: world.id,
    redisPrefix: environment.FOYER_REDIS_PREFIX || settingRows.FOYER_REDIS_PREFIX.default,
  });

  /** Writes both files anew: a pid, an id or a store has changed. */
  function tell(): void {
    if (!isServing) return;
    writeWhole(clusterFile, clusterFacts(facts()));
    if (options.readyFile !== null) writeWhole(options.readyFile, readyFacts(facts()));
  }

  return {
    tell,
    async start() {
      const ports = await choosePorts(options.port, options.gateways);
      if (options.port === null && ports[0] !== 8375)
        progress("Port 8375 or one after it is taken: using free ones.");
      names(options.gateways, "gateway").forEach((name, i) => {
        gateways.push(node("gateway", name, { FOYER_PORT: String(ports[i]) }));
      });
      await Promise.all([...workers, ...gateways].map((each) => each.start()));
      guardian.removeAtEnd(clusterFile);
      if (options.readyFile !== null) guardian.removeAtEnd(options.readyFile);
      isServing = true;
    },
    async stop(hasten: boolean, drainSeconds: number) {
      isServing = false;
      removeFile(clusterFile);
      if (options.readyFile !== null) removeFile(options.readyFile);
      const deadlineMs = STOP_MS + (hasten ? 0 : drainSeconds * 1000);
      await Promise.all(gateways.map((each) => each.stop({ hasten, deadlineMs })));
      await Promise.all(workers.map((each) => each.stop({ hasten: false, deadlineMs: STOP_MS })));
    },
    kill() {
      for (const each of [...gateways, ...workers]) each.kill();
    },
    restartNodes() {
      progress("Restarting the nodes …");
      for (const each of [...workers, ...gateways]) each.restart();
    },
    async screen() {
      const { gateways: shown, workers: running } = readyFacts(facts());
      return screen({
        world,
        gateways: shown,
        workers: running.length,
        databaseUrl: stores.databaseUrl,
        redisUrl: stores.redisUrl,
        logFolder,
        tokens: await signTokens(stores.databaseUrl, world.id),
        command: "npx foyer",
      });
    },
  };
}

async function prepareDatabase(stores: Stores, worldFile: string | null) {
  const log = createLog("silent");
  await migrate(stores.databaseUrl, log);
  const sql = connectDatabase(stores.databaseUrl, { max: 1, log });
  try {
    return await placeWorld(sql, worldFile);
  } finally {
    await sql.end();
  }
}

async function signTokens(databaseUrl: string, world: string) {
  const sql = connectDatabase(databaseUrl, { max: 1, log: createLog("silent") });
  try {
    const sign = (uid: string, traits: string[]) =>
      signLoginToken(sql, world, {
        uid,
        traits,
        profile: { display_name: uid },
        expiresInSeconds: TOKEN_SECONDS,
      });
    const [admin, attendee] = [await sign("admin", ["admin"]), await sign("attendee", [])];
    return admin === null || attendee === null ? null : { admin, attendee };
  } finally {
    await sql.end();
  }
}

/** The end: a signal, or npm gone. A second signal is impatience. */
function waitForEnd(environment: Environment) {
  let come = () => {};
  let hasCome = false;
  let impatient = () => {};
  const end = new Promise<void>((resolve) => {
    come = resolve;
  });
  const stop = () => {
    if (hasCome) return impatient();
    hasCome = true;
    come();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, stop);
  // npm may go before us at a Ctrl-C, which is no second one.
  const unwatch = watchParent(environment, () => {
    if (!hasCome) stop();
  });
  return {
    come: end,
    hasCome: () => hasCome,
    onImpatience: (act: () => void) => {
      impatient = act;
    },
    stopWaiting: () => {
      unwatch();
      for (const signal of signals) process.off(signal, stop);
    },
  };
}

/** The project's folder: this file runs from deploy/local/ or dist/deploy/local/. */
function root(): string {
  const up = ["../../", "../../../"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return up.find((path) => existsSync(join(path, "package.json"))) ?? up[0]!;
}
