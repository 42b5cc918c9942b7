import t, { type Test } from "tap";
import { Crew } from "../generator/crew.ts";
import { startPeer } from "../peers.ts";
import { addSnapshots, type Snapshot } from "../recorder.ts";

const closed = { group: "echo", kinds: ["echo"] as const, warmUpMs: 50, measureMs: 200, graceMs: 2_000 };

async function connect(t: Test, processes: number, count: number) {
  const peer = await startPeer("uws");
  const snapshots: Snapshot[] = [];
  const crew = await Crew.start(processes, (_, { snapshot }) => void snapshots.push(snapshot));
  t.teardown(async () => {
    await crew.end();
    await peer.stop();
  });
  const people = { kind: "guest" as const, seed: "s" };
  const pace = { atOnce: 5 };
  const dialect = { name: "echo" as const, bytes: 250 };
  const { joined } = await crew.join({
    ...{ group: "echo", dialect, urls: [peer.url], first: 0, count, tabs: 1, people, pace },
  });
  t.equal(joined, count);
  return { crew, peer, outcomes: (kind: string) => addSnapshots(snapshots).get(kind)?.outcomes };
}

for (const processes of [0, 2]) {
  t.test(
    `the echo side of fetch over ${processes} processes: every frame comes back as it was`,
    async (t) => {
      const { crew, outcomes } = await connect(t, processes, 20);
      const { rate, kinds } = await crew.closed(closed);
      t.ok(rate > 0);
      t.strictSame([...kinds.get("echo")!.outcomes.keys()], ["success"]);
      t.equal(outcomes("connect")!.get("success"), 20);
      t.equal(await crew.count("echo"), 20);
      await crew.leave("echo");
      t.equal(await crew.count("echo"), 0);
    },
  );
}

t.test("what is due while a generator stands still counts from when it was due", async (t) => {
  const { crew } = await connect(t, 0, 4);
  const opening = crew.open({ group: "echo", rates: { echo: 200 }, seconds: 0.6, graceMs: 2_000 });
  setTimeout(() => {
    // The generator runs in this process: nothing of it goes on meanwhile.
    for (const end = performance.now() + 300; performance.now() < end; );
  }, 100);
  const { sent, unanswered, kinds } = await opening;
  t.equal(unanswered, 0);
  t.equal(sent, 120, "all are sent that were due");
  const { histogram } = kinds.get("echo")!;
  t.ok(histogram.maxValue > 250_000, "the first that were held up");
  t.ok(histogram.getValueAtPercentile(80) > 100_000, "and those after them, each by its own part of it");
});

t.test("a server that goes away is a failure, not a hang", async (t) => {
  const { crew, peer } = await connect(t, 0, 3);
  const run = crew.closed(closed);
  await peer.stop();
  const { kinds } = await run;
  t.equal(kinds.get("echo")!.outcomes.get("closed with 1006"), 3);
});
