/** What is none of ours in streams, channels and hashes: it is counted and put away, and hurts nobody. */
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { Packr } from "msgpackr";
import t from "tap";
import { ENVELOPE_VERSION } from "../../shared/envelope.ts";
import { createKeys } from "../../shared/redis/keys.ts";
import { runFoyer, type TestNode } from "../../shared/testing/cluster.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { count, startCounter } from "./counters.ts";
import { logIn, startNodes, tokenOf } from "./redis-suite.ts";

const DEADLINE_MS = 60_000;

/** Stands in all that is forged: it may be in no log. */
const MARK = "payload-mark";

const packr = new Packr({ useRecords: false });
const USER = randomUUID();

/** What no decoder takes. */
const garbage: Buffer[] = [
  Buffer.alloc(0),
  Buffer.from(`${MARK}\n{"event":"forged"}`),
  packr.pack([ENVELOPE_VERSION, "g1", 1, [[1, 1, "w", null, "[]", null]]]).subarray(0, 9),
  packr.pack([0, "g1", 1, [], MARK]),
  packr.pack({ [MARK]: 1 }),
  packr.pack(JSON.parse(`{"__proto__":{"frame":"${MARK}"}}`)),
  Buffer.concat([packr.pack([ENVELOPE_VERSION, MARK]), Buffer.from([1])]),
  Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.from([1])]),
  Buffer.concat([packr.pack(MARK), Buffer.alloc(4 * 1024 * 1024)]),
  packr.pack([ENVELOPE_VERSION, null, Number.NaN, MARK, {}, [], 7, Number.NEGATIVE_INFINITY]),
];

/** Commands that look like some, each of which has taken others along with it. */
const wrongCommands = [
  ["g1", Number.NaN, [[1, 1, "w", null, '["authenticate",{}]', null]]],
  ["g1", 1, [[1, 1, "w", "no-uuid", '["user.fetch",1,{"ids":[]}]', null]]],
  ["g1", 1, [[1, 1, "w\0", USER, '["user.fetch",1,{"ids":[]}]', null]]],
  ["g1", 1, [[Number.NaN, 1, "w", USER, '["user.fetch",1,{"ids":[]}]', null]]],
  [`{${MARK}}`, 1, [[1, 1, "w", USER, '["user.fetch",1,{"ids":[]}]', null]]],
].map((fields) => packr.pack([ENVELOPE_VERSION, ...fields]));

/** Well-formed envelopes with frames that make no sense: answered to nobody, and finished. */
const strangeFrames = [
  "",
  "[",
  "{}",
  "[[]]",
  `["${MARK}"]`,
  "[".repeat(50_000),
  '["user.update",1,{"__proto__":{}}]',
]
  .map((frame, n) => [n, 1, "w", USER, frame, null])
  .map((command) => packr.pack([ENVELOPE_VERSION, "g1", 1, [command]]));

const newer = packr.pack([ENVELOPE_VERSION + 1, MARK]);

const nodes = await startNodes(t, null, { FOYER_LOG_LEVEL: "warn" });
const keys = createKeys(nodes.redisPrefix);
const redis = new Redis(nodes.redisUrl);
t.teardown(() => redis.disconnect());
const all: TestNode[] = [...nodes.gateways, ...nodes.workers];
const logs: string[] = [];
for (const { process } of all) process.stdout!.on("data", (text: Buffer) => logs.push(text.toString()));

const counters = await Promise.all(Array.from({ length: 4 }, () => startCounter(nodes)));
const stopping = new AbortController();
const counting = Promise.all(counters.map((counter) => count(counter, stopping.signal)));
counting.catch(() => {});

/** Waits until everybody has counted on and was heard. */
const untilCounted = async () => {
  const before = counters.map(({ answered }) => answered);
  await waitFor(
    "everybody to count on",
    () =>
      counters.every(
        ({ answered, heard }, i) => answered > before[i]! + 3 && heard.at(-1)!.n > before[i]! + 3,
      ),
    DEADLINE_MS,
  );
};

/** A counter's value, summed over nodes. */
const metric = async (who: TestNode[], name: string) => {
  const texts = await Promise.all(who.map(async ({ ops }) => (await fetch(`${ops}/metrics`)).text()));
  const lines = texts.flatMap((text) => text.split("\n")).filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
};
const unreadable = (role: "gateway" | "core", kind: string) =>
  metric(role === "core" ? nodes.workers : nodes.gateways, `foyer_${role}_unreadable_total{kind="${kind}"}`);
const untilUnreadable = (role: "gateway" | "core", kind: string, least: number) =>
  waitFor(`${least} of kind ${kind}`, async () => (await unreadable(role, kind)) >= least, DEADLINE_MS);

/** Whether everything that was written is done with. */
const isEmpty = async () => {
  const [pending] = (await redis.xpending(keys.commandStream(0), "core")) as [number];
  return pending === 0 && Number((await redis.get(keys.backlog(0))) ?? 0) === 0;
};

await untilCounted();

t.test("in a command stream it becomes a dead letter, and other commands go on", async (t) => {
  const entries = [...garbage, ...wrongCommands];
  for (const bytes of [...entries, ...strangeFrames])
    await redis.xadd(keys.commandStream(0), "*", "e", bytes);
  await redis.xadd(keys.commandStream(0), "*", MARK, MARK, "and", "more");
  await untilCounted();
  const letters = entries.length + 1;
  await waitFor(
    "the dead letters",
    async () => (await redis.xlen(keys.deadLetters())) === letters,
    DEADLINE_MS,
  );
  await untilUnreadable("core", "command", letters);
  t.equal(await metric(nodes.workers, "foyer_core_dead_letters_total"), letters);

  const list = async () => JSON.parse(await runFoyer(["dead", "list", "--json"], nodes.environment));
  const listed = await list();
  t.equal(listed.length, letters);
  t.ok(
    listed.every(
      (letter: { command: string; error: string }) => letter.command === "unreadable" && letter.error,
    ),
  );
  await runFoyer(["dead", "retry", listed[0].id], nodes.environment);
  await waitFor("it to come back", async () => (await list()).length === letters, DEADLINE_MS);
  await runFoyer(["dead", "drop", "--all"], nodes.environment);
  t.same(await list(), []);
});

t.test("a command of a version that no worker reads is left, and others go on", async (t) => {
  const before = await unreadable("core", "command");
  const id = await redis.xadd(keys.commandStream(0), "*", "e", newer);
  await waitFor("it to be left", async () => (await metric(nodes.workers, "foyer_core_left_total")) > 0);
  await untilCounted();
  t.equal(await redis.xlen(keys.deadLetters()), 0);
  t.equal(await unreadable("core", "command"), before, "it is one of ours");
  // A newer worker comes and runs it.
  await redis.xack(keys.commandStream(0), "core", id!);
  await redis.xdel(keys.commandStream(0), id!);
});

t.test("in a reply stream and on a user's channel it is passed over", async (t) => {
  for (const gateway of nodes.gateways) {
    const replies = [
      [[1, 5, null]],
      [[1, "[]", { kind: "login", user: 5, version: "x" }]],
      [[1, "[]", { kind: "close", code: 99_999 }]],
    ].map((list) => packr.pack([ENVELOPE_VERSION, list]));
    for (const bytes of [...garbage, ...replies, newer])
      await redis.xadd(keys.replyStream(gateway.id), "*", "e", bytes);
  }
  await untilUnreadable("gateway", "reply", 2 * (garbage.length + 4));
  const { id } = counters[0]!.watcher;
  const broadcast = (...fields: unknown[]) => packr.pack([ENVELOPE_VERSION, ...fields]);
  const wrong = [
    broadcast("w", id, 1e300, "[]", false, null, 1),
    broadcast("w", id, 1e6, "[]", false, null, Number.NEGATIVE_INFINITY),
    broadcast("w", USER, 1e6, `["user.updated",{"id":"${USER}"}]`, false, null, 1),
  ];
  for (const bytes of [...garbage, ...wrong, newer]) await redis.publish(keys.userChannel("w", id), bytes);
  // Both connections of the user are heard of on both gateways.
  await untilUnreadable("gateway", "broadcast", 2 * (garbage.length + 4));
  await untilCounted();
  t.ok(counters.every(({ heard }) => heard.every(({ n }) => Number.isInteger(n))));
});

t.test("on the other channels, and among fences, it is counted", async () => {
  for (const bytes of garbage) {
    await redis.publish(keys.worldsChannel(), bytes);
    await redis.publish(keys.canaryChannel(null), bytes);
    await redis.publish(keys.fencesChannel(), bytes);
    for (const { id } of nodes.gateways) await redis.publish(keys.gatewayChannel(id), bytes);
    await redis.xadd(keys.fences(), "*", "w", bytes);
  }
  const { id } = counters[1]!.writer;
  await redis.xadd(keys.fences(), "*", "w", "w", "u", id, "v", "NaN");
  await redis.publish(keys.gatewayChannel(nodes.near.id), '{"kind":"reload","world":null,"over_ms":-1}');
  await redis.publish(keys.gatewayChannel(nodes.near.id), '{"kind":"replace","connections":["x",null,{}]}');
  await untilUnreadable("gateway", "world", 2 * garbage.length);
  await untilUnreadable("core", "world", 2 * garbage.length);
  await untilUnreadable("gateway", "canary", 2 * garbage.length);
  await untilUnreadable("gateway", "order", 2 * garbage.length + 1);
  await untilUnreadable("gateway", "fence", 2 * (garbage.length + 1));
  await untilCounted();
});

t.test("among leases, nodes and connections it keeps nobody from anything", async (t) => {
  await redis.zadd(keys.leases("gateway"), 9e15, `${MARK}\nfirst`, "+inf", `${MARK}/second`);
  await redis.hset(keys.nodes("gateway"), { [`${MARK}\nfirst`]: "{", third: "null" });
  for (const { id } of nodes.gateways) await redis.hset(keys.fencesConfirmed(), id, MARK);
  const payload = { client_id: randomUUID() };
  const target = await logIn(nodes.far, payload);
  await redis.zadd(keys.registry("w", target.id), 1, MARK, 2, `${MARK}/x/y`, 3, "");
  const moderator = await logIn(nodes.near, { token: tokenOf("forger", ["admin"]) });
  const { body } = await moderator.ask("user.online_status", { ids: [target.id] });
  t.same(body, { [target.id]: true });
  // It waits for every living gateway, which these are not.
  t.ok((await moderator.ask("user.ban", { id: target.id })).ok);
  t.equal((await target.closed()).code, 4000);
  await waitFor(
    "all to be well",
    async () => {
      const status = await runFoyer(["status", "--json"], nodes.environment).catch(() => "{}");
      const { ok, gateways = [] } = JSON.parse(status);
      return ok === true && gateways.length === 2;
    },
    DEADLINE_MS,
  );
  moderator.end();
});

t.test("afterwards all nodes live, nothing waits, and no log has lines or payload of it", async (t) => {
  await untilCounted();
  stopping.abort();
  await counting;
  await waitFor("nothing to wait", isEmpty, DEADLINE_MS);
  for (const { process } of all) t.equal(process.exitCode ?? process.signalCode, null);
  const lines = logs.join("").trim().split("\n");
  for (const line of lines) t.ok(JSON.parse(line).level, "each line is one of ours");
  const telling = lines.filter((line) => line.includes(MARK) && !line.includes("cleared up after"));
  t.same(telling, []);
  for (const { writer, watcher } of counters) for (const person of [writer, watcher]) person.end();
});
