/** A primary dies while people work: what has to hold on Sentinel and on a Cluster alike. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import postgres from "postgres";
import type { Test } from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import type { Frame } from "../../shared/testing/client.ts";
import { runFoyer } from "../../shared/testing/cluster.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { type RedisShape, type TestRedis, untilPromoted } from "./redis-shapes.ts";
import { logIn, type Nodes, type Person, tokenOf } from "./redis-suite.ts";

/** Fan-out has to work again within this time of the promotion, or the gateways say that they are not ready. */
const BACK_MS = 5_000;
const USERS = 8;
const EVERY_MS = 25;
/** Everything is slow on a small machine that does much else. */
const DEADLINE_MS = 30_000;

/** Somebody who counts up in the profile over one gateway, and watches that over the other. */
interface Counter {
  writer: Person;
  watcher: Person;
  /** When each number was first sent; by `performance.now()`, as all times here. */
  sentAt: Map<number, number>;
  /** The last number that was answered with success. */
  answered: number;
  heard: { n: number; at: number }[];
}

/** What the gateways said of themselves, again and again. */
interface ReadyLog {
  said: { at: number; reasons: string[] }[];
  stop(): Promise<void>;
}

/** Kills the primary of a command stream under load, lets it come back, and checks what was promised. */
export async function testFailover(t: Test, shape: RedisShape, nodes: Nodes): Promise<void> {
  const keys = createKeys(nodes.redisPrefix);
  const sql = postgres(nodes.databaseUrl, { max: 1 });
  t.teardown(() => sql.end());
  const stream = shape.name === "cluster" ? 1 : 0;
  const counters = await Promise.all(Array.from({ length: USERS }, () => startCounter(nodes)));
  const stopping = new AbortController();
  const counting = Promise.all(counters.map((counter) => count(counter, stopping.signal)));
  // Where the test has failed before its end, the nodes are gone.
  counting.catch(() => {});
  await waitFor("everybody to count", () => counters.every(({ answered }) => answered > 5), DEADLINE_MS);

  // As if the dead server's clock had been ahead: its ids were greater than any that follow by themselves.
  const aheadMs = Date.now() + 3_600_000;
  await sql`insert into command_log (command_id, world_id, position, answer)
    values ('ahead', 'w', ${`${String(aheadMs).padStart(14, "0")}-0000000000-000000`}, '{}')`;

  const ready = watchReadiness(nodes);
  const old = await shape.primaryOf(keys.commandStream(stream));
  old.kill();
  await untilPromoted(shape, keys.commandStream(stream), old);
  const promotedAt = performance.now();
  await waitFor(
    "fan-out to work again",
    () => counters.every((one) => backAt(one, promotedAt) !== undefined),
    DEADLINE_MS,
  );
  await ready.stop();
  const back = counters.map((one) => backAt(one, promotedAt)! - promotedAt);
  t.comment(`fan-out of ${USERS} users works ${Math.round(Math.max(...back))} ms after the promotion`);

  const untilMs = promotedAt + Math.max(...back);
  const keptQuiet = ready.said.filter(
    ({ at, reasons }) => at > promotedAt + BACK_MS && at < untilMs && reasons.length === 0,
  );
  t.same(keptQuiet, [], "where it was not back, a gateway said so");
  const reasons = new Set(ready.said.flatMap((each) => each.reasons));
  t.ok(
    [...reasons].some((reason) => reason.startsWith("no Redis: ")),
    "meanwhile they said what was missing",
  );

  await old.startAgain();
  await waitFor("the old primary to be a replica", () => isReplica(old), DEADLINE_MS);
  const before = counters.map(({ answered }) => answered);
  await waitFor(
    "everybody to count on",
    () => counters.every(({ answered }, i) => answered > before[i]! + 5),
    DEADLINE_MS,
  );
  stopping.abort();
  await counting;

  for (const counter of counters) {
    await waitFor(
      "the last number to arrive",
      () => counter.heard.at(-1)?.n === counter.answered,
      DEADLINE_MS,
    );
    const numbers = counter.heard.map(({ n }) => n);
    t.same(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
      "never backwards, none twice",
    );
    const { id } = counter.writer;
    const [row] = await sql`select profile->>'n' as n, version from users where id = ${id}`;
    t.equal(Number(row!.n), counter.answered, "what was answered is there");
    const effects = await sql`select a.data->'new'->>'n' as n, l.position from audit_log a
      join command_log l using (command_id) where a.user_id = ${id} order by a.id`;
    t.same(
      effects.map(({ n }) => Number(n)),
      Array.from({ length: counter.answered }, (_, i) => i + 1),
      "each took effect once, in order",
    );
    const positions = effects.map(({ position }) => position as string);
    t.same(positions, [...positions].sort(), "later commands have later places");
    for (const person of [counter.writer, counter.watcher]) person.end();
  }
  const primary = await shape.primaryOf(keys.commandStream(stream));
  const info = await primary.with((redis) => redis.xinfo("STREAM", keys.commandStream(stream)));
  const last = String((info as unknown[])[(info as unknown[]).indexOf("last-generated-id") + 1]);
  t.ok(Number(last.split("-")[0]) >= aheadMs, "ids go on beyond what the database knows");
  await waitFor("foyer status to say that all is well", () => isWell(nodes), DEADLINE_MS);
}

/** A ban whose fence is lost with the primary, and a gateway that has not heard of it: it holds all the same. */
export async function testLostFence(t: Test, shape: RedisShape, nodes: Nodes): Promise<void> {
  const keys = createKeys(nodes.redisPrefix);
  const moderator = await logIn(nodes.near, { token: tokenOf("judge", ["admin"]) });
  const payload = { client_id: randomUUID() };
  const client = await logIn(nodes.far, payload);
  const old = await shape.primaryOf(keys.fences());
  const replicas = shape.servers.filter((server) => server.port !== old.port);
  const holders = [];
  for (const server of replicas) if (await follows(server, old)) holders.push(server);
  t.ok(holders.length > 0);

  nodes.far.process.kill("SIGSTOP");
  for (const server of holders) server.signal("SIGSTOP");
  const raised = await old.with((redis) => redis.xlen(keys.fences()));
  const banned = banUntilDone(moderator, client.id);
  await waitFor(
    "the fence",
    async () => (await old.with((redis) => redis.xlen(keys.fences()))) > raised,
    DEADLINE_MS,
  );
  old.kill();
  for (const server of holders) server.signal("SIGCONT");
  const promoted = await untilPromoted(shape, keys.fences(), old);
  await banned;
  t.ok((await promoted.with((redis) => redis.xlen(keys.fences()))) > raised, "the fence was raised anew");

  const late: Frame[] = [];
  client.socket.on("message", (data: Buffer) => late.push(JSON.parse(data.toString())));
  client.send(["user.update", "late", { profile: { late: true } }]);
  nodes.far.process.kill("SIGCONT");
  t.equal((await client.closed()).code, 4000);
  t.same(
    late.filter(([action]) => action !== "connection.reload"),
    [],
  );
  const { body } = await moderator.ask("user.fetch", { id: client.id });
  t.match(body, { moderation_state: "banned", profile: {} });
  t.notOk(body.profile.late);
  moderator.end();
  await old.startAgain();
  await waitFor("the old primary to be a replica", () => isReplica(old), DEADLINE_MS);
  await waitFor("foyer status to say that all is well", () => isWell(nodes), DEADLINE_MS);
}

/** Somebody who is ready to count. */
export async function startCounter({ near, far }: Nodes): Promise<Counter> {
  const payload = { client_id: randomUUID() };
  const [writer, watcher] = await Promise.all([logIn(near, payload), logIn(far, payload)]);
  const counter: Counter = { writer, watcher, sentAt: new Map(), answered: 0, heard: [] };
  watcher.socket.on("message", (data: Buffer) => {
    const [action, body] = JSON.parse(data.toString()) as Frame;
    if (action === "user.updated") counter.heard.push({ n: body.profile.n, at: performance.now() });
  });
  return counter;
}

/** Sends each number until it is answered with success, as a client may. */
export async function count(counter: Counter, signal: AbortSignal): Promise<void> {
  for (let n = 1; !signal.aborted; n++) {
    counter.sentAt.set(n, performance.now());
    for (let ok = false; !ok; ) {
      ({ ok } = await counter.writer.ask("user.update", { profile: { n } }));
      await pause(EVERY_MS);
      if (signal.aborted) break;
    }
    counter.answered = n;
  }
}

/** When the watcher first heard of something that was sent after this moment. */
function backAt({ sentAt, heard }: Counter, moment: number): number | undefined {
  return heard.find(({ n }) => sentAt.get(n)! > moment)?.at;
}

function watchReadiness({ near, far }: Nodes): ReadyLog {
  const said: ReadyLog["said"] = [];
  let isOn = true;
  const watch = async () => {
    for (; isOn; await pause(100)) {
      const answers = await Promise.all([near, far].map(async ({ ops }) => readReasons(ops)));
      const reasons = answers.flat();
      said.push({ at: performance.now(), reasons });
    }
  };
  const watching = watch();
  return {
    said,
    async stop() {
      isOn = false;
      await watching;
    },
  };
}

async function readReasons(ops: string): Promise<string[]> {
  try {
    const answer = (await (await fetch(`${ops}/readyz`)).json()) as { reasons?: string[] };
    return answer.reasons ?? [];
  } catch {
    return ["gone"];
  }
}

async function banUntilDone(moderator: Person, id: string): Promise<void> {
  for (;;) {
    const { ok, body } = await moderator.ask("user.ban", { id });
    if (ok) return;
    // The outcome is unknown: it may be sent again.
    if (body.code !== "server.timeout") throw new Error(`banning: ${body.code}`);
  }
}

async function follows(server: TestRedis, primary: TestRedis): Promise<boolean> {
  const [role, , port] = (await server.with((redis) => redis.call("ROLE"))) as [string, string, number];
  return role === "slave" && port === primary.port;
}

async function isReplica(server: TestRedis): Promise<boolean> {
  const role = await server.with((redis) => redis.call("ROLE") as Promise<string[]>).catch(() => null);
  return role?.[0] === "slave";
}

async function isWell({ environment }: Nodes): Promise<boolean> {
  const status = await runFoyer(["status", "--json"], environment).catch(() => "{}");
  return JSON.parse(status).ok === true;
}
