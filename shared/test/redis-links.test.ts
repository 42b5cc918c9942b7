/** Links to Redis that die without a word: packets vanish, nothing is reset, and a new link would be whole. */
import t, { type Test } from "tap";
import { createLog } from "../log.ts";
import { connectRedis, type Purpose } from "../redis/connect.ts";
import { createTestStores } from "../testing/stores.ts";
import { startTcpProxy } from "../testing/tcp-proxy.ts";
import { waitFor } from "../testing/wait-for.ts";

async function openProxy(t: Test) {
  const { hostname, port } = new URL((await createTestStores(t)).redisUrl);
  const proxy = await startTcpProxy(t, { host: hostname, port: Number(port) });
  const connect = (purpose: Purpose) => {
    const client = connectRedis(`redis://127.0.0.1:${proxy.port}`, purpose, createLog("silent"));
    t.teardown(() => client.disconnect());
    return client;
  };
  return { proxy, connect };
}

for (const direction of ["up", "down"] as const) {
  t.test(`a subscriber whose link brings nothing any more ${direction} gets a new one`, async (t) => {
    const { proxy, connect } = await openProxy(t);
    const client = connect("subscriber");
    await waitFor("the link", () => client.status === "ready");
    let closed = false;
    client.once("close", () => {
      closed = true;
    });
    proxy.freeze(direction);
    await waitFor("it to be given up", () => closed);
    proxy.healSilently();
    await waitFor("a new one", () => client.status === "ready");
    t.pass();
  });
}

for (const purpose of ["subscriber", "commands", "blocking"] as const) {
  t.test(`${purpose}: a link that dies while it is made is not waited for`, async (t) => {
    const { proxy, connect } = await openProxy(t);
    proxy.freeze("down");
    const client = connect(purpose);
    await waitFor("it to be under way", () => client.status === "connect");
    proxy.healSilently();
    await waitFor("another one", () => client.status === "ready");
    t.pass();
  });
}
