/** Keys: where accounts' commands go, and which keys Redis Cluster keeps on one server. */
import { randomUUID } from "node:crypto";
import t from "tap";
import { createKeys, streamOf } from "../redis/keys.ts";

const keys = createKeys("p");

/** What Redis Cluster hashes of a key: what is between the first brace and the next one. */
const hashTag = (key: string) => /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? null;

t.test("an account's commands go to the same stream for ever", async (t) => {
  // Nodes of two versions run side by side during an update: these must never change.
  t.same(
    ["a", "b", "c", "d"].map((key) => streamOf(key, 16)),
    [7, 14, 4, 6],
  );
});

t.test("with one stream, all go there", async (t) => {
  t.same(
    ["a", "b", randomUUID()].map((key) => streamOf(key, 1)),
    [0, 0, 0],
  );
});

t.test("accounts spread evenly over the streams", async (t) => {
  for (const streams of [2, 7, 256]) {
    const counts = Array.from({ length: streams }, () => 0);
    const each = 200;
    for (let i = 0; i < streams * each; i++) counts[streamOf(`w:account ${i}`, streams)]!++;
    const far = counts.filter((count) => Math.abs(count - each) > each / 2);
    t.same(far, [], `${streams} streams`);
  }
});

t.test("keys that one script touches share a hash tag", async (t) => {
  const together = [
    ["add-entry, finish-entries", keys.commandStream(3), keys.backlog(3)],
    ["prepare-stream", keys.commandStream(3), keys.streamChecked(3)],
    ["renew-lease, release-lease, live-nodes", keys.leases("gateway"), keys.nodes("gateway")],
  ];
  for (const [scripts = "", ...touched] of together) {
    const tags = new Set(touched.map(hashTag));
    t.equal(tags.size, 1, scripts);
    t.notOk(tags.has(null), scripts);
  }
});

t.test("keys of which there are many are spread over the servers", async (t) => {
  t.not(hashTag(keys.commandStream(0)), hashTag(keys.commandStream(1)));
  t.not(hashTag(keys.replyStream("g1")), hashTag(keys.replyStream("g2")));
  t.not(hashTag(keys.registry("w", "u1")), hashTag(keys.registry("w", "u2")));
  t.not(hashTag(keys.registry("w1", "u")), hashTag(keys.registry("w2", "u")));
  t.equal(hashTag(keys.failedLogins("2001:db8::1")), "2001:db8::1");
});

t.test("every key and channel begins with the prefix, and no two are alike", async (t) => {
  const { canaryChannel, ...others } = keys;
  const all = Object.values(others).map((make) => (make as (...parts: unknown[]) => string)("x", "y"));
  all.push(canaryChannel(null), canaryChannel(0), canaryChannel(16_383));
  t.ok(all.every((key) => key.startsWith("p:")));
  t.equal(new Set(all).size, all.length);
});
