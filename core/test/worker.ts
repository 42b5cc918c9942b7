/** A worker over its own database and key prefix, for a test file. */
import type { Test } from "tap";
import { createLog } from "../../shared/log.ts";
import { readSettings } from "../../shared/settings.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { startWorker } from "../main.ts";
import { connectDatabase } from "../sql/database.ts";
import { compileTokenKeys, signToken } from "../tokens.ts";
import { importWorld } from "../world-file.ts";
import { openWire } from "./wire.ts";

/** The secret of the test world's key. */
export const SECRET = "a secret of the test world";

/** A world that admits guests, with a key, a badge and two rooms. */
export const testWorld = {
  world: {
    id: "w",
    title: "Test world",
    JWT_secrets: [{ secret: SECRET, issuer: "tickets", audience: "conf" }],
    trait_badges_map: { speaker: "Speaker", crew: "Crew" },
  },
  rooms: [
    { id: "stage", name: "Stage", modules: [{ type: "call.bigbluebutton", config: { secret: "hush" } }] },
    { id: "lobby", name: "Lobby" },
  ],
};

/** One that admits only holders of the trait `ticket`. */
export const closedWorld = {
  world: { ...testWorld.world, id: "closed" },
  trait_grants: { attendee: ["ticket"] },
  rooms: [{ id: "hall", name: "Hall", trait_grants: { attendee: ["ticket"] } }],
};

const key = compileTokenKeys(testWorld.world.JWT_secrets)[0]!;

/** Starts it; everything ends with the test. */
export async function startTestWorker(t: Test, environment: Record<string, string> = {}) {
  const stores = await createTestStores(t);
  const env = {
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redisUrl,
    FOYER_REDIS_PREFIX: stores.redisPrefix,
    FOYER_OPS_PORT: "0",
    FOYER_UPDATE_RATE: "0",
    ...environment,
  };
  const settings = readSettings(env, ["DATABASE_URL", "REDIS_URL"]);
  const log = createLog("silent");
  const sql = connectDatabase(stores.databaseUrl, { max: 4, log });
  for (const world of [testWorld, closedWorld]) await importWorld(sql, null, world);
  const start = () => startWorker(settings, { log });
  const worker = await start();
  const wire = await openWire(stores.redisUrl, stores.redisPrefix);
  t.teardown(async () => {
    await wire.close();
    await worker.stop();
    await sql.end();
  });

  /** Logs a guest in; gives its id. */
  const logIn = async (clientId: string, world = "w") => {
    const frame = JSON.stringify(["authenticate", { client_id: clientId }]);
    const { effect, json } = await wire.ask({ world, frame });
    if (effect?.kind !== "login") throw new Error(`no login: ${JSON.stringify(json)}`);
    return effect.user;
  };
  /** Logs somebody with a token in; gives its id. */
  const logInWithToken = async (uid: string, traits: string[] = [], world = "w") => {
    const frame = JSON.stringify([
      "authenticate",
      { token: signToken(key, { uid, traits, expiresInSeconds: 60 }) },
    ]);
    const { effect, json } = await wire.ask({ world, frame });
    if (effect?.kind !== "login") throw new Error(`no login: ${JSON.stringify(json)}`);
    return effect.user;
  };
  return { ...stores, settings, sql, worker, wire, logIn, logInWithToken, start };
}
