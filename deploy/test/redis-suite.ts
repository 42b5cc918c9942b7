/** What has to work on Redis in every shape: one suite, run on each (`redis-single.test.ts` and its siblings). */
import { randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import type { Test } from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { runFoyer, startTestCluster, type TestGateway } from "../../shared/testing/cluster.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import type { RedisShape } from "./redis-shapes.ts";

const SECRET = "a secret of the test world";

/** Everybody may list; two connections in the narrow world. */
const worlds = [
  {
    world: {
      id: "w",
      title: "W",
      JWT_secrets: [{ secret: SECRET, issuer: "tickets", audience: "conf" }],
      social_logins: ["twitter"],
      return_origins: ["https://tickets.example"],
    },
    trait_grants: { attendee: [], admin: ["admin"] },
  },
  { world: { id: "narrow", title: "Narrow", connection_limit: 2 } },
];

/** A cluster of nodes on one shape of Redis. */
export type Nodes = Awaited<ReturnType<typeof startNodes>>;

/** A client that is logged in. */
export type Person = Awaited<ReturnType<typeof logIn>>;

/** Two gateways and two workers; three command streams where Redis is a Cluster. @param shape null: the test run's own Redis */
export async function startNodes(
  t: Test,
  shape: RedisShape | null,
  environment: Record<string, string> = {},
) {
  const cluster = await startTestCluster(t, {
    gateways: 2,
    workers: 2,
    worlds,
    environment: {
      ...(shape === null ? {} : { REDIS_URL: shape.url }),
      FOYER_COMMAND_STREAMS: shape?.name === "cluster" ? "3" : "1",
      FOYER_RATE: "0",
      FOYER_SOCIAL_TWITTER_CLIENT_ID: "id",
      FOYER_SOCIAL_TWITTER_CLIENT_SECRET: "secret",
      ...environment,
    },
  });
  const [near, far] = cluster.gateways as [TestGateway, TestGateway];
  return { ...cluster, near, far };
}

/** A token of the test world. */
export function tokenOf(uid: string, traits: string[] = []): string {
  return jwt.sign({ uid, traits }, SECRET, { issuer: "tickets", audience: "conf", expiresIn: 600 });
}

/** Connects and logs in. */
export async function logIn(gateway: TestGateway, payload: object, world = "w") {
  const client = await connectClient(gateway.world(world));
  const { "user.config": me } = await client.logIn(payload);
  return { ...client, id: me.id as string };
}

/** Runs the suite. */
export async function testEssentials(t: Test, nodes: Nodes): Promise<void> {
  const { near, far, environment } = nodes;

  await t.test("an update reaches the user's other connections, on whichever gateway, once", async (t) => {
    // So many users that every server of a Cluster has channels, streams and registries of some.
    const people = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const payload = { client_id: randomUUID() };
        return await Promise.all([logIn(near, payload), logIn(far, payload)]);
      }),
    );
    for (const n of [1, 2]) {
      await Promise.all(
        people.map(async ([here, there]) => {
          t.ok((await here.ask("user.update", { profile: { n } })).ok);
          t.match(await there.next(), ["user.updated", { id: here.id, profile: { n } }]);
        }),
      );
    }
    for (const person of people.flat()) {
      t.same(await person.quiet(), []);
      person.end();
    }
  });

  await t.test("who is online is known everywhere, and who left is not", async (t) => {
    const [one, two] = [
      await logIn(near, { client_id: randomUUID() }),
      await logIn(far, { client_id: randomUUID() }),
    ];
    const ids = [one.id, two.id];
    t.same((await one.ask("user.online_status", { ids })).body, { [one.id]: true, [two.id]: true });
    two.end();
    await waitFor("the other to be gone", async () => {
      return (await one.ask("user.online_status", { ids })).body[two.id] === false;
    });
    one.end();
  });

  await t.test("of more connections than the world allows the oldest is replaced", async (t) => {
    const payload = { client_id: randomUUID() };
    const first = await logIn(near, payload, "narrow");
    const others = [await logIn(far, payload, "narrow"), await logIn(near, payload, "narrow")];
    t.equal((await first.closed()).code, 4001);
    for (const other of others) {
      t.same(await other.quiet(), []);
      other.end();
    }
  });

  await t.test("a ban cuts off on every gateway before it is answered, and can be lifted", async (t) => {
    const moderator = await logIn(near, { token: tokenOf("moderator", ["admin"]) });
    const payload = { client_id: randomUUID() };
    const clients = await Promise.all([near, far].map((gateway) => logIn(gateway, payload)));
    const { id } = clients[0]!;
    t.ok((await moderator.ask("user.ban", { id })).ok);
    for (const client of clients) t.equal((await client.closed()).code, 4000);
    const refused = await connectClient(far.world("w"));
    refused.send(["authenticate", payload]);
    t.match(await refused.next(), ["error", { code: "auth.denied" }]);
    await runFoyer(["user", "reactivate", "--world", "w", "--id", id], environment);
    (await logIn(far, payload)).end();
    for (const client of [refused, moderator]) client.end();
  });

  await t.test("a big list comes whole, and names are found", async (t) => {
    const admin = await logIn(far, { token: tokenOf("admin", ["admin"]) });
    const names = Array.from({ length: 12 }, (_, i) => `Person ${i}`);
    const padding = "x".repeat(30_000);
    const ids = await Promise.all(
      names.map(async (display_name, i) => {
        const person = await logIn(i % 2 === 0 ? near : far, { token: tokenOf(`listed-${i}`) });
        t.ok((await person.ask("user.update", { profile: { display_name, padding } })).ok);
        person.end();
        return person.id;
      }),
    );
    const { body } = await admin.ask("user.list", {});
    for (const [i, id] of ids.entries()) t.equal(body[id].profile.display_name, names[i]);
    t.ok(JSON.stringify(body).length > 256 * 1024, "more than one reply holds");
    const found = await admin.ask("user.list.search", { search_term: "person 11", page: 1 });
    t.same(
      found.body.results.map((user: { id: string }) => user.id),
      [ids[11]],
    );
    admin.end();
  });

  await t.test("a link to a social login works once", async (t) => {
    const person = await logIn(near, { client_id: randomUUID() });
    const asked = { network: "twitter", return_url: "https://tickets.example/" };
    const { body } = await person.ask("user.social.connect", asked);
    const { search } = new URL(body.url);
    const statuses: number[] = [];
    for (const gateway of [far, near]) {
      const answer = await fetch(`${gateway.http}/social/twitter/start${search}`, { redirect: "manual" });
      statuses.push(answer.status);
    }
    t.same(statuses, [302, 400]);
    person.end();
  });

  await t.test("the command line says that all is well, and finds everybody", async (t) => {
    await waitFor("all to be well", async () => {
      const status = await runFoyer(["status", "--json"], environment).catch(() => "{}");
      const { ok, gateways, workers } = JSON.parse(status);
      return ok === true && gateways.length === 2 && workers.length === 2;
    });
    const person = await logIn(far, { token: tokenOf("shown") });
    const shown = await runFoyer(["user", "show", "--world", "w", "--uid", "shown", "--json"], environment);
    t.match(JSON.parse(shown), { id: person.id, online: [{ gateway: far.id, connections: 1 }] });
    await runFoyer(
      ["world", "import", "-"],
      environment,
      JSON.stringify({ ...worlds[0], rooms: [{ id: "r", name: "R" }] }),
    );
    t.match(await person.take("world.updated"), ["world.updated", { rooms: [{ name: "R" }] }]);
    const told = await runFoyer(["reload", "--over", "1s", "--json"], environment);
    t.same(JSON.parse(told), { gateways: 2, not_told: [] });
    t.match(await person.take("connection.reload"), ["connection.reload"]);
    person.end();
  });
}
