/** Slots that move from one server of a Cluster to another while people work, as when one is added. */
import { setTimeout as pause } from "node:timers/promises";
import postgres from "postgres";
import type { Test } from "tap";
import { createKeys } from "../../shared/redis/keys.ts";
import { slotOf } from "../../shared/redis/slots.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { checkCounters, count, startCounter, untilBack, watchReadiness } from "./counters.ts";
import type { RedisShape, TestRedis } from "./redis-shapes.ts";
import type { Nodes } from "./redis-suite.ts";

const USERS = 6;
/** So long a slot is half here and half there. */
const HALFWAY_MS = 500;
const DEADLINE_MS = 30_000;

/** Moves the slots of a command stream, of fences and leases, of answers and of channels, and checks what was promised. */
export async function testMovedSlots(t: Test, shape: RedisShape, nodes: Nodes): Promise<void> {
  const keys = createKeys(nodes.redisPrefix);
  const sql = postgres(nodes.databaseUrl, { max: 1 });
  t.teardown(() => sql.end());
  const counters = await Promise.all(Array.from({ length: USERS }, () => startCounter(nodes)));
  const stopping = new AbortController();
  const counting = Promise.all(counters.map((counter) => count(counter, stopping.signal)));
  // Where the test has failed before its end, the nodes are gone.
  counting.catch(() => {});
  await waitFor("everybody to count", () => counters.every(({ answered }) => answered > 5), DEADLINE_MS);

  const moved: Record<string, string> = {
    "a command stream": keys.commandStream(1),
    "fences and the gateways' leases": keys.fences(),
    "a gateway's answers": keys.replyStream(nodes.near.id),
    "a user's channel": keys.userChannel("w", counters[0]!.writer.id),
  };
  for (const [what, key] of Object.entries(moved)) {
    const ready = watchReadiness(nodes);
    const from = await shape.primaryOf(key);
    await moveSlot(shape, key);
    const movedAt = performance.now();
    t.not((await shape.primaryOf(key)).port, from.port, what);
    const backMs = await untilBack(t, counters, ready, movedAt);
    t.comment(`${what}: fan-out of ${USERS} users works ${Math.round(backMs)} ms after the move`);
  }
  stopping.abort();
  await counting;
  await checkCounters(t, sql, counters);
}

/** Moves the slot of a key and all that is in it, step by step, to the server that comes next. */
async function moveSlot(shape: RedisShape, key: string): Promise<void> {
  const slot = slotOf(key);
  const from = await shape.primaryOf(key);
  const primaries = await primariesOf(shape);
  const to = primaries[(primaries.findIndex(({ port }) => port === from.port) + 1) % primaries.length]!;
  const [fromId, toId] = await Promise.all([from, to].map((one) => cluster(one, "MYID")));
  await cluster(to, "SETSLOT", slot, "IMPORTING", fromId as string);
  await cluster(from, "SETSLOT", slot, "MIGRATING", toId as string);
  for (;;) {
    const names = (await cluster(from, "GETKEYSINSLOT", slot, 100)) as string[];
    if (names.length === 0) break;
    await from.with((redis) => redis.call("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", ...names));
  }
  await pause(HALFWAY_MS);
  for (const one of [to, from, ...primaries.filter((each) => each !== to && each.port !== from.port)]) {
    await cluster(one, "SETSLOT", slot, "NODE", toId as string);
  }
}

async function primariesOf({ servers }: RedisShape): Promise<TestRedis[]> {
  const roles = await Promise.all(
    servers.map((one) => one.with((redis) => redis.call("ROLE") as Promise<string[]>)),
  );
  return servers.filter((_, i) => roles[i]![0] === "master");
}

function cluster(server: TestRedis, ...args: (string | number)[]): Promise<unknown> {
  return server.with((redis) => redis.call("CLUSTER", ...args));
}
