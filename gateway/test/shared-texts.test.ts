/** Texts that answers share, where Redis has lost them while its links stayed: emptied by hand, or out of memory. */
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { openWorld } from "./worlds.ts";

t.test("a gateway that is new after the loss lets people in, the first and the next", async (t) => {
  const { gateways, startGateway, redisUrl, redisPrefix } = await startTestCluster(t, {
    worlds: [openWorld],
  });
  const redis = new Redis(redisUrl);
  t.teardown(() => redis.disconnect());
  const logIn = async (gateway: (typeof gateways)[number]) => {
    const client = await connectClient(gateway.world("w"));
    const { "world.config": config } = await client.logIn({ client_id: randomUUID() });
    client.end();
    return config;
  };
  const config = await logIn(gateways[0]!);
  const texts = await redis.keys(`${redisPrefix}:text:*`);
  t.equal(texts.length, 1);
  await redis.del(texts);
  const second = await startGateway();
  for (let n = 0; n < 2; n++) t.strictSame(await logIn(second), config);
  t.strictSame(await redis.keys(`${redisPrefix}:text:*`), texts, "it is there again");
});
