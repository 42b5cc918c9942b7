/** Rollouts of a small cluster under load: to the same version, and to one whose envelopes the old nodes cannot read. */
import { Redis } from "ioredis";
import { Packr } from "msgpackr";
import t, { type Test } from "tap";
import { connectFoyer } from "../../shared/client/connect.ts";
import { ENVELOPE_VERSION } from "../../shared/envelope.ts";
import { createKeys } from "../../shared/redis/keys.ts";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { makeNextVersion } from "../rollout/next-version.ts";
import { type RolloutOptions, rolloutWorld, runRollout, WORLD } from "../rollout/rollout.ts";
import { Service } from "../rollout/service.ts";

const packr = new Packr({ useRecords: false });

async function rollOut(t: Test, order: RolloutOptions["order"], next?: string) {
  const environment = { FOYER_RATE: "0" };
  const stage = await startTestCluster(t, { gateways: 0, workers: 0, worlds: [rolloutWorld], environment });
  const options = { connections: 200, rate: 60, nodes: 2, drainSeconds: 3, atOnce: 20, order, next };
  const { report, gateways, workers } = await runRollout(stage, { ...options, progress: t.comment });
  t.strictSame(report.broken, []);
  const redis = new Redis(stage.redisUrl);
  t.teardown(() => redis.disconnect());
  const keys = createKeys(stage.redisPrefix);
  const service = new Service(WORLD);
  for (const gateway of gateways) service.add(gateway);
  t.teardown(() => service.close());
  const client = connectFoyer("", { login: { client_id: "later" }, WebSocket: service.webSocket() });
  t.teardown(() => client.close());
  await client.ready;
  /** The version of what a gateway writes now, and of what it is answered; no worker runs while that is looked at. */
  const versions = async () => {
    for (const { process } of workers) process.kill("SIGSTOP");
    const calling = client.call("user.update", { profile: { at: Date.now() } });
    const last = async (stream: string) => {
      const [entry] = await redis.xrevrangeBuffer(stream, "+", "-", "COUNT", 1);
      return entry === undefined ? null : (packr.unpack(entry[1][1]!) as number[])[0];
    };
    let written: number | null | undefined = null;
    const look = async () => {
      written = await last(keys.commandStream(0));
      return written !== null;
    };
    await waitFor("the command to be in the stream", look);
    for (const { process } of workers) process.kill("SIGCONT");
    await calling;
    const replies = await Promise.all(gateways.map(({ id }) => last(keys.replyStream(id))));
    return { written, replies: new Set(replies.filter((version) => version !== null)) };
  };
  return { stage, redis, keys, client, versions };
}

t.test("nobody is the worse for a rollout", async (t) => {
  await rollOut(t, "gateways-first");
});

t.test("to a newer version of envelopes", async (t) => {
  const { program, remove } = await makeNextVersion();
  t.teardown(remove);
  const newVersion = { written: ENVELOPE_VERSION + 1, replies: new Set([ENVELOPE_VERSION + 1]) };

  t.test("gateways first", async (t) => {
    const { versions } = await rollOut(t, "gateways-first", program);
    t.strictSame(await versions(), newVersion, "now that all read it, it is written");
  });

  t.test("workers first, and an old worker that comes back", async (t) => {
    const { stage, redis, keys, client, versions } = await rollOut(t, "workers-first", program);
    t.strictSame(await versions(), newVersion, "now that all read it, it is written");
    const calls: Promise<unknown>[] = [];
    const calling = setInterval(
      () => calls.push(client.call("user.update", { profile: { n: calls.length } })),
      20,
    );
    t.teardown(() => clearInterval(calling));
    const old = await stage.startWorker({ FOYER_LOG_LEVEL: "silent" });
    const empty = packr.pack([ENVELOPE_VERSION + 1, { fields: ["nobody", 1, [], 1], added: "field" }]);
    const isLeft = async () => {
      await redis.xadd(keys.commandStream(0), "*", "e", empty);
      const metrics = await (await fetch(`${old.ops}/metrics`)).text();
      return /^foyer_core_left_total [1-9]/m.test(metrics);
    };
    await waitFor("the old worker to meet an entry that it leaves", isLeft);
    await waitFor(
      "gateways to write what the old one reads",
      async () => (await versions()).written === ENVELOPE_VERSION,
    );
    clearInterval(calling);
    await Promise.all(calls);
    t.ok(calls.length > 0, "not one command failed");
    t.equal(await redis.xlen(keys.deadLetters()), 0);
    await waitFor("nothing to be left over", async () => (await redis.xlen(keys.commandStream(0))) === 0);
  });
});
