/** A database that comes back as it was some time ago: from a dump, and on a Redis that has gone on or is empty. */
import { join } from "node:path";
import { Redis } from "ioredis";
import jwt from "jsonwebtoken";
import postgres from "postgres";
import t, { type Test } from "tap";
import { migrate } from "../../core/migrate.ts";
import { createLog } from "../../shared/log.ts";
import { connectClient } from "../../shared/testing/client.ts";
import { runFoyer, startTestCluster, type TestNode } from "../../shared/testing/cluster.ts";
import { findSystemPostgres, systemPostgres } from "./system-postgres.ts";

const key = { secret: "0123456789abcdef0123456789abcdef", issuer: "tickets", audience: "w" };
const world = {
  world: { id: "w", title: "W", JWT_secrets: [key] },
  roles: { attendee: ["world:view"], moderator: ["world:users.manage"] },
  trait_grants: { attendee: [], moderator: ["moderator"] },
};

const tokenOf = (uid: string, ...traits: string[]) =>
  jwt.sign({ uid, traits }, key.secret, { issuer: key.issuer, audience: key.audience, expiresIn: 3_600 });

/** Tokens from before the backup. */
const tokens = { ada: tokenOf("ada"), moderator: tokenOf("moderator", "moderator"), troll: tokenOf("troll") };

async function logIn(url: string, token: string) {
  const client = await connectClient(url);
  const { "user.config": me } = await client.logIn({ token });
  return Object.assign(client, { me });
}

const setProfile = (client: Awaited<ReturnType<typeof logIn>>, display_name: string) =>
  client.ask("user.update", { profile: { display_name } });

const stopAll = async (nodes: readonly TestNode[]) => {
  for (const node of nodes) await node.stop();
};

/** Copies a database that nobody is connected to, as it is. */
async function copyDatabase(t: Test, databaseUrl: string): Promise<string> {
  const url = new URL(databaseUrl);
  const name = url.pathname.slice(1);
  const copy = `${name}_backup`;
  url.pathname = "/postgres";
  const sql = postgres(url.href, { max: 1, onnotice() {} });
  await sql.unsafe(`create database ${copy} template ${name}`);
  t.teardown(async () => {
    await sql.unsafe(`drop database ${copy} with (force)`);
    await sql.end();
  });
  url.pathname = `/${copy}`;
  return url.href;
}

/** Takes away all that the cluster has in Redis. */
async function emptyRedis({ redisUrl, redisPrefix }: { redisUrl: string; redisPrefix: string }) {
  const redis = new Redis(redisUrl);
  const keys = await redis.keys(`${redisPrefix}:*`);
  await redis.unlink(...keys);
  redis.disconnect();
}

t.test("a database that is older than the streams, and one whose streams are gone", async (t) => {
  const cluster = await startTestCluster(t, { worlds: [world] });
  const before = await logIn(cluster.gateways[0]!.world("w"), tokens.ada);
  const troll = await logIn(cluster.gateways[0]!.world("w"), tokens.troll);
  await setProfile(before, "before the backup");
  for (const client of [before, troll]) client.end();
  await stopAll([...cluster.gateways, ...cluster.workers]);
  const backup = await copyDatabase(t, cluster.databaseUrl);

  // Life goes on, and is lost with the database.
  const [laterWorker, later] = await Promise.all([cluster.startWorker(), cluster.startGateway()]);
  const after = await logIn(later.world("w"), tokens.ada);
  for (let i = 0; i < 5; i++) await setProfile(after, `after the backup ${i}`);
  const moderator = await logIn(later.world("w"), tokens.moderator);
  t.ok((await moderator.ask("user.ban", { id: troll.me.id })).ok);
  for (const client of [after, moderator]) client.end();
  await stopAll([later, laterWorker]);

  const environment = { DATABASE_URL: backup };
  let expected = "before the backup";
  for (const redis of ["a Redis that has gone on", "an empty Redis"]) {
    t.test(`on ${redis} everybody is who they were, and later still wins`, async (t) => {
      if (redis === "an empty Redis") await emptyRedis(cluster);
      const [worker, gateway] = await Promise.all([
        cluster.startWorker(environment),
        cluster.startGateway(environment),
      ]);
      const url = gateway.world("w");
      const again = await logIn(url, tokens.ada);
      t.equal(again.me.id, before.me.id, "the same account");
      t.equal(again.me.profile.display_name, expected);
      expected = `on ${redis}`;
      const seen = await logIn(url, tokens.ada);
      t.ok((await setProfile(again, expected)).ok);
      t.equal((await seen.take("user.updated"))[1].profile.display_name, expected);
      t.equal((await again.ask("user.fetch", { id: again.me.id })).body.profile.display_name, expected);
      const unbanned = await logIn(url, tokens.troll);
      t.equal(unbanned.me.id, troll.me.id, "a ban that is not in the backup is none");
      for (const client of [again, seen, unbanned]) client.end();
      await stopAll([gateway, worker]);
    });
  }
});

const binaries = findSystemPostgres();
const skip =
  binaries === null ? "no Postgres with pg_dump and pg_restore is installed (package postgresql)" : false;

t.test("what pg_dump wrote while people were at work logs them in on a new server", { skip }, async (t) => {
  const { start, run, folder } = systemPostgres(t, binaries!);
  const first = await start();
  await migrate(first, createLog("silent"));
  const cluster = await startTestCluster(t, { worlds: [world], environment: { DATABASE_URL: first } });
  const client = await logIn(cluster.gateways[0]!.world("w"), tokens.ada);
  t.ok((await setProfile(client, "Ada")).ok);
  let isOver = false;
  const working = (async () => {
    while (!isOver) await client.ask("user.update", { client_state: { at: Date.now() } });
  })();
  const file = join(folder, "foyer.dump");
  await run("pg_dump", "--format=custom", `--file=${file}`, first);
  isOver = true;
  await working;
  client.end();
  await stopAll([...cluster.gateways, ...cluster.workers]);

  const second = await start();
  await run("pg_restore", "--no-owner", "--exit-on-error", `--dbname=${second}`, file);
  await emptyRedis(cluster);
  const environment = { DATABASE_URL: second };
  const settings = { ...cluster.environment, ...environment };
  t.equal(await runFoyer(["migrate"], settings), "the schema is up to date\n");
  const [, gateway] = await Promise.all([
    cluster.startWorker(environment),
    cluster.startGateway(environment),
  ]);
  const again = await logIn(gateway.world("w"), tokens.ada);
  t.equal(again.me.id, client.me.id);
  t.equal(again.me.profile.display_name, "Ada");
  t.ok((await setProfile(again, "Ada on the new server")).ok);
  again.end();
});
