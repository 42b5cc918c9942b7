/** What a worker does with entries of a version that only newer workers read. */
import { Packr } from "msgpackr";
import t from "tap";
import { ENVELOPE_VERSION } from "../../shared/envelope.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { CLAIM_IDLE_MS } from "../entry-reader.ts";
import { startTestWorker } from "./worker.ts";

const newer = new Packr({ useRecords: false }).pack([ENVELOPE_VERSION + 1, { another: "shape" }]);

/** As many as would make a dead letter of an entry that was delivered each time. */
const LOOKS = 7;

t.test("over two workers", async (t) => {
  const { wire, worker, start } = await startTestWorker(t);
  const second = await start();
  t.teardown(() => second.stop());
  const stream = wire.keys.commandStream(0);
  const left = async () => {
    const texts = await Promise.all(
      [worker, second].map(async ({ opsPort }) =>
        (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text(),
      ),
    );
    return texts.reduce(
      (sum, text) => sum + Number(/^foyer_core_left_total (\d+)$/m.exec(text)?.[1] ?? 0),
      0,
    );
  };

  t.test("a newer entry is left to newer workers, however often it is looked at", async (t) => {
    const id = await wire.redis.xadd(stream, "*", "e", newer);
    await waitFor("both to have looked", async () => (await left()) >= LOOKS, 30_000);
    // While a worker looks at it, it is with that one.
    await waitFor("it to count as delivered to nobody", async () => {
      const [[found, , , deliveries] = []] = (await wire.redis.xpending(stream, "core", "-", "+", 10)) as [
        string,
        string,
        number,
        number,
      ][];
      return found === id && deliveries === 0;
    });
    t.equal(await wire.redis.xlen(wire.keys.deadLetters()), 0);
    const claim = async () => {
      const [, claimed] = await wire.redis.xautoclaim(stream, "core", "newer-worker", CLAIM_IDLE_MS, "0");
      return (claimed as unknown[]).length === 1;
    };
    // At most a worker has it in its hands at this very moment.
    await waitFor("a newer worker to claim it without waiting for its idle time", claim, 2_500);
    await wire.redis.xack(stream, "core", id!);
    await wire.redis.xdel(stream, id!);
  });

  t.test("others go on meanwhile", async (t) => {
    await wire.redis.xadd(stream, "*", "e", newer);
    t.match(await wire.ask({ frame: '["authenticate",{"client_id":"meanwhile"}]' }), {
      effect: { kind: "login" },
    });
    await wire.redis.xtrim(stream, "MAXLEN", 0);
  });

  t.test("one that nobody came for within a minute is a dead letter", async (t) => {
    await wire.redis.del(stream);
    await waitFor("the stream to be there again", async () => (await wire.redis.exists(stream)) === 1);
    const old = `${Date.now() - 61_000}-0`;
    await wire.redis
      .multi()
      .del(stream)
      .xgroup("CREATE", stream, "core", "0", "MKSTREAM")
      .xadd(stream, old, "e", newer)
      .exec();
    await waitFor("a dead letter", async () => (await wire.redis.xlen(wire.keys.deadLetters())) === 1);
    t.equal(await wire.redis.xlen(stream), 0);
  });
});
