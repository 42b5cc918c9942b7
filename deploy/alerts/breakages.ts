/** How each alert is provoked: what is done to a running cluster, and how it is made good again. */
import { randomUUID } from "node:crypto";
import { connectClient } from "../../shared/testing/client.ts";
import { scrape } from "../../shared/testing/metrics.ts";
import type { TestGateway } from "../../shared/testing/node.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { MAX_CONNECTIONS, type Stand } from "./stand.ts";

/** Makes it good again. */
type Undo = () => unknown;

/** One thing that is done to the cluster. */
export interface Breakage {
  /** What is done, for the report. */
  how: string;
  /** Names of the alerts that have to fire by it. */
  alerts: readonly string[];
  /** Cheap enough for `--short`. */
  isShort?: true;
  breaks(stand: Stand): Promise<Undo>;
}

const ATTEMPTS = 20;
/** Over the ten of the alert. */
const SLOW_READERS = 14;
const SLOW_MS = 20_000;
/** What a client sends and does not read the answer to. */
const PING = ["ping", "x".repeat(60_000)];
/** Over the 20 of the alert, and a tenth of all. */
const LOST = 60;
/** Over 80 %. */
const CROWD = Math.ceil(MAX_CONNECTIONS * 0.85);
/** More than the workers have connections to Postgres. */
const WAITING = 40;
const DRAINING = 5;
const STUTTER_EVERY_MS = 600;
const STUTTER_MS = 250;
const ASK_EVERY_MS = 200;
const ASK_AGAIN_MS = 1_000;

const noUndo: Undo = () => {};

/** Done one round after the other; those of one round at once, as none sets off another's alert. */
export const rounds: readonly (readonly Breakage[])[] = [
  [
    {
      how: `${ATTEMPTS} logins with a token that is none`,
      alerts: ["FoyerFailedLogins"],
      isShort: true,
      breaks: failLogins,
    },
    {
      how: "an entry in the command stream that nobody can read",
      alerts: ["FoyerDeadLetter"],
      isShort: true,
      breaks: writeGarbage,
    },
    {
      how: `${SLOW_READERS} clients that ask for much and read nothing`,
      alerts: ["FoyerSlowConsumers"],
      breaks: readNothing,
    },
    { how: `${LOST} connections that break off`, alerts: ["FoyerDisconnects"], breaks: loseConnections },
    {
      how: "SIGTERM to a gateway that may take 300 s to drain",
      alerts: ["FoyerDrainNotFinished"],
      breaks: drainForLong,
    },
    {
      how: `a worker is stopped for ${STUTTER_MS} of every ${STUTTER_EVERY_MS} ms`,
      alerts: ["FoyerEventLoopDelayed"],
      breaks: stutter,
    },
  ],
  [
    {
      how: `${CROWD} connections to a gateway that takes ${MAX_CONNECTIONS}`,
      alerts: ["FoyerGatewayNearlyFull"],
      breaks: fill,
    },
    {
      how: `a row is locked for which ${WAITING} commands wait`,
      alerts: ["FoyerDatabasePoolWaiting", "FoyerCommandsStuck", "FoyerCommandsSlow"],
      breaks: lockRow,
    },
  ],
  [{ how: "a ban while a gateway is stopped", alerts: ["FoyerBansSlow"], breaks: banWhileStopped }],
  [
    {
      how: "Redis is stopped (SIGSTOP)",
      alerts: ["FoyerCanarySilent", "FoyerSubscriptionLost"],
      breaks: stopRedis,
    },
  ],
  [{ how: "both workers are stopped (SIGSTOP)", alerts: ["FoyerErrors"], breaks: stopWorkers }],
  [{ how: "both workers are killed", alerts: ["FoyerNoWorker"], isShort: true, breaks: killWorkers }],
];

async function failLogins({ main, world }: Stand): Promise<Undo> {
  await Promise.all(
    Array.from({ length: ATTEMPTS }, async () => {
      const client = await connectClient(main.world(world));
      await client.ask("authenticate", { token: "nonsense" });
      client.end();
    }),
  );
  return noUndo;
}

async function writeGarbage({ redis, keys }: Stand): Promise<Undo> {
  await redis.xadd(keys.commandStream(0), "*", "e", "garbage");
  return noUndo;
}

/** Until the gateway has closed them for it. */
async function readNothing({ other, world }: Stand): Promise<Undo> {
  const clients = await connectMany(other, world, SLOW_READERS);
  for (const { socket } of clients) socket.pause();
  await waitFor(
    "slow readers to be noticed",
    async () => {
      for (const client of clients) for (let i = 0; i < 5; i++) client.send(PING);
      return (await scrape(other.ops)).value("foyer_gateway_slow_consumers_total") >= SLOW_READERS;
    },
    SLOW_MS,
  );
  for (const client of clients) client.end();
  return noUndo;
}

async function loseConnections({ main, world }: Stand): Promise<Undo> {
  for (const client of await connectMany(main, world, LOST)) client.end();
  return noUndo;
}

async function drainForLong(stand: Stand): Promise<Undo> {
  const leaving = await stand.startGateway({ FOYER_DRAIN_SECONDS: "300" });
  await connectMany(leaving, stand.world, DRAINING);
  leaving.process.kill("SIGTERM");
  // The second signal hurries it.
  return () => leaving.stop();
}

async function stutter({ workers }: Stand): Promise<Undo> {
  const { process: child } = workers[0]!;
  const timer = setInterval(() => {
    child.kill("SIGSTOP");
    setTimeout(() => child.kill("SIGCONT"), STUTTER_MS);
  }, STUTTER_EVERY_MS);
  return () => clearInterval(timer);
}

async function fill({ main, world }: Stand): Promise<Undo> {
  const clients = await connectMany(main, world, CROWD);
  return () => leave(clients);
}

async function lockRow({ other, world, sql }: Stand): Promise<Undo> {
  const login = { client_id: randomUUID() };
  const clients = await connectMany(other, world, WAITING);
  const users = await Promise.all(clients.map((client) => client.logIn(login)));
  const { id } = users[0]!["user.config"];
  let unlock = noUndo;
  const unlocked = new Promise<void>((resolve) => {
    unlock = resolve;
  });
  let isLocked = noUndo;
  const locked = new Promise<void>((resolve) => {
    isLocked = resolve;
  });
  const holding = sql.begin(async (tx) => {
    await tx`select 1 from users where id = ${id} for update`;
    isLocked();
    await unlocked;
  });
  // It may fail instead: then nobody ever waits for the lock.
  await Promise.race([locked, holding]);
  const ask = (client: (typeof clients)[number]) =>
    client.send(["user.update", 1, { profile: { display_name: "Waiting" } }]);
  for (const client of clients) ask(client);
  // Else all would have failed after a while, and nothing be slow any more.
  const asking = setInterval(() => ask(clients[0]!), ASK_AGAIN_MS);
  return async () => {
    clearInterval(asking);
    unlock();
    await holding;
    await leave(clients);
  };
}

async function banWhileStopped({ main, other, world }: Stand): Promise<Undo> {
  const [moderator, troll] = await Promise.all([main, other].map((each) => connectClient(each.world(world))));
  await moderator!.logIn({ client_id: randomUUID() });
  const { "user.config": user } = await troll!.logIn({ client_id: randomUUID() });
  other.process.kill("SIGSTOP");
  moderator!.send(["user.ban", 1, { id: user.id }]);
  return () => {
    other.process.kill("SIGCONT");
    for (const client of [moderator!, troll!]) client.end();
  };
}

async function stopRedis({ redisPid }: Stand): Promise<Undo> {
  process.kill(redisPid, "SIGSTOP");
  return () => process.kill(redisPid, "SIGCONT");
}

async function stopWorkers({ workers, main, world }: Stand): Promise<Undo> {
  const client = await connectClient(main.world(world));
  await client.logIn({ client_id: randomUUID() });
  for (const worker of workers) worker.process.kill("SIGSTOP");
  const asking = setInterval(() => client.send(["user.fetch", 1, { ids: [] }]), ASK_EVERY_MS);
  return () => {
    clearInterval(asking);
    for (const worker of workers) worker.process.kill("SIGCONT");
    client.end();
  };
}

async function killWorkers(stand: Stand): Promise<Undo> {
  for (const worker of stand.workers) await worker.kill();
  return () => stand.replaceWorkers();
}

function connectMany(gateway: TestGateway, world: string, count: number) {
  return Promise.all(Array.from({ length: count }, () => connectClient(gateway.world(world))));
}

/** Leaves in order, which is no connection lost. */
async function leave(clients: readonly Awaited<ReturnType<typeof connectClient>>[]): Promise<void> {
  for (const { socket } of clients) socket.close();
  await Promise.all(clients.map((client) => client.closed()));
}
