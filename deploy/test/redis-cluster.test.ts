import t from "tap";
import { timeWhere } from "../../core/redis-clock.ts";
import { createLog } from "../../shared/log.ts";
import { connectRedis, untilReady } from "../../shared/redis/connect.ts";
import { createKeys } from "../../shared/redis/keys.ts";
import { testFailover, testLostFence } from "./redis-failover.ts";
import { testMovedSlots } from "./redis-moved-slots.ts";
import { startCluster } from "./redis-shapes.ts";
import { startNodes, testEssentials } from "./redis-suite.ts";

t.test("over a Cluster of three primaries", async (t) => {
  const shape = await startCluster(t);

  await t.test(
    "the clock that is asked for a stream is that of the server which dates its entries",
    async (t) => {
      const keys = createKeys("clock");
      const redis = connectRedis(shape.url, "commands", createLog("silent"));
      t.teardown(() => redis.disconnect());
      await untilReady(redis, new AbortController().signal);
      for (const stream of [0, 1, 2]) {
        const key = keys.commandStream(stream);
        const holder = await shape.primaryOf(key);
        await Promise.all(shape.servers.map((one) => one.with((link) => link.config("RESETSTAT"))));
        const id = await redis.xadd(key, "*", "e", "");
        for (let i = 0; i < 20; i++) await timeWhere(redis, key);
        t.ok((await timeWhere(redis, key)) >= Number.parseInt(id!, 10));
        for (const server of shape.servers) {
          const stats = await server.with((link) => link.info("commandstats"));
          const asked = Number(/cmdstat_time:calls=(\d+)/.exec(stats)?.[1] ?? 0);
          t.equal(asked, server.port === holder.port ? 21 : 0, `stream ${stream}, port ${server.port}`);
        }
      }
    },
  );

  const nodes = await startNodes(t, shape);

  await t.test("all works", (t) => testEssentials(t, nodes));

  await t.test("slots move under load: nothing is lost or doubled, and fan-out is back", (t) =>
    testMovedSlots(t, shape, nodes),
  );

  await t.test("a primary dies under load: nothing is lost or doubled, and fan-out is back", (t) =>
    testFailover(t, shape, nodes),
  );

  await t.test("a ban holds, although its fence was lost with the primary", (t) =>
    testLostFence(t, shape, nodes),
  );
});
