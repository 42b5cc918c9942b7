/** What a worker is busy with stays its own, however long it takes and however full the worker is. */
import { setTimeout as pause } from "node:timers/promises";
import t from "tap";
import { encodeCommands } from "../../shared/envelope.ts";
import { createLog } from "../../shared/log.ts";
import { connectRedis, untilReady } from "../../shared/redis/connect.ts";
import { COMMAND_GROUP, createKeys } from "../../shared/redis/keys.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { CLAIM_IDLE_MS, readEntries } from "../entry-reader.ts";

const ENTRIES = 3;

t.test("a full worker renews what it has; nobody takes it away before it stops doing so", async (t) => {
  const { redisUrl, redisPrefix } = await createTestStores(t);
  const log = createLog("silent");
  const keys = createKeys(redisPrefix);
  const key = keys.commandStream(0);
  const redis = connectRedis(redisUrl, "commands", log);
  const ended = new AbortController();
  await untilReady(redis, ended.signal);
  await redis.xgroup("CREATE", key, COMMAND_GROUP, "0", "MKSTREAM");
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const duties: Promise<void>[] = [];
  /** Reads; what it has read is under way until the end of the test. */
  const start = (worker: string, room: (read: readonly string[]) => Promise<void>) => {
    const stopping = new AbortController();
    const read: string[] = [];
    const counted = { claimed: 0 };
    const blocking = connectRedis(redisUrl, "blocking", log);
    const reader = readEntries({
      ...{ stream: 0, worker, keys, log, blocking, redis },
      room: () => room(read),
      prepare: async () => {},
      isPrepared: async () => true,
      run: async (entries) => {
        read.push(...entries.map(({ id }) => id));
        await finished;
      },
      giveUp: async () => {},
      onClaimed: (entries) => {
        counted.claimed += entries;
      },
      onLeft: () => {},
      onUnreadable: () => {},
      signal: AbortSignal.any([stopping.signal, ended.signal]),
    });
    duties.push(reader.finally(() => blocking.disconnect()));
    return { read, counted, stop: () => stopping.abort() };
  };
  t.teardown(async () => {
    ended.abort();
    finish();
    await Promise.all(duties);
    redis.disconnect();
  });
  const pending = async () => {
    const rows = (await redis.xpending(key, COMMAND_GROUP, "-", "+", 10)) as [
      string,
      string,
      number,
      number,
    ][];
    return rows.map(([, holder, , deliveries]) => ({ holder, deliveries }));
  };

  const bytes = encodeCommands({ gateway: "g1", sentAt: Date.now(), commands: [] });
  for (let i = 0; i < ENTRIES; i++) await redis.xadd(key, "*", "e", bytes);
  // There is room for what comes first, and for nothing more.
  const busy = start("busy", (read) => (read.length === 0 ? Promise.resolve() : finished));
  await waitFor("the worker to have all", () => busy.read.length === ENTRIES);
  const idle = start("idle", () => Promise.resolve());
  // Twice the time after which they would be another's.
  await pause(2 * CLAIM_IDLE_MS);
  t.equal(idle.counted.claimed, 0);
  t.strictSame(
    await pending(),
    Array.from({ length: ENTRIES }, () => ({ holder: "busy", deliveries: 1 })),
  );

  busy.stop();
  await waitFor("the other to take all over", () => idle.read.length === ENTRIES);
  t.strictSame(idle.read, busy.read);
});
