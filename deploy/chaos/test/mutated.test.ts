/** The checker finds what it is for: with one invariant switched off, a run fails that the code as it is passes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { inParallel } from "../../../loadtest/guest.ts";
import { type Mutation, mutations } from "../mutations.ts";
import { copyBuild } from "../world/build.ts";
import { type Broken, findBroken, startCluster } from "./scenario.ts";

/** Commands with success that make a load. */
const ENOUGH = 50;

/** Clusters at a time: what is late on a busy machine is not seen. */
const AT_ONCE = 1;

const folder = mkdtempSync(join(tmpdir(), "foyer-mutation-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** Runs of a mutation at the most. What shows depends on what happens to meet, less often so on a busy machine. */
const RUNS = 4;

/** Runs a mutation until it is noticed, each time with another seed. */
async function run({ edits, scenario, shownBy }: Mutation, index: number): Promise<Broken> {
  const program = join(folder, String(index));
  copyBuild(program, edits);
  for (let times = 1; ; times++) {
    const cluster = await startCluster(t, program);
    try {
      const found = await findBroken(cluster, { ...scenario, seed: scenario.seed + times - 1 });
      const isNoticed = found.succeeded > ENOUGH && shownBy.some((rule) => found.rules.has(rule));
      if (isNoticed || times === RUNS) return found;
    } finally {
      await cluster.stop(false);
    }
  }
}

const runs = inParallel(mutations.length, AT_ONCE, (index) => run(mutations[index]!, index));

for (const [index, { name, shownBy }] of mutations.entries()) {
  t.test(`${name}: it is noticed`, async (t) => {
    const { rules, report, succeeded } = (await runs)[index]!;
    t.comment(report);
    t.ok(succeeded > ENOUGH, "there was load");
    t.ok(
      shownBy.some((rule) => rules.has(rule)),
      `broken: ${[...rules].join(", ") || "nothing"}; it had to be ${shownBy.join(" or ")}`,
    );
  });
}

t.test("an edit whose text is not there any more is refused", (t) => {
  const edit = { file: "core/batch.js", find: "what never stood there", replace: "" };
  t.throws(() => copyBuild(join(folder, "none"), [edit]), { message: /has 0 times, not once/ });
  t.end();
});
