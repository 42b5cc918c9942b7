/** The checker finds what it is for: with one invariant switched off, a run fails that the code as it is passes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { inParallel } from "../../../loadtest/guest.ts";
import { type Mutation, mutations } from "../mutations.ts";
import { copyBuild } from "../world/build.ts";
import { type Broken, findBroken, startCluster } from "./scenario.ts";

/** Clusters at a time: most of what a scenario does is to wait. */
const AT_ONCE = 2;

const folder = mkdtempSync(join(tmpdir(), "foyer-mutation-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

async function run({ edits, scenario }: Mutation, index: number): Promise<Broken> {
  const program = join(folder, String(index));
  copyBuild(program, edits);
  const cluster = await startCluster(t, program);
  try {
    return await findBroken(cluster, scenario);
  } finally {
    await cluster.stop(false);
  }
}

const runs = inParallel(mutations.length, AT_ONCE, (index) => run(mutations[index]!, index));

for (const [index, { name, shownBy }] of mutations.entries()) {
  t.test(`${name}: it is noticed`, async (t) => {
    const { rules, report, succeeded } = (await runs)[index]!;
    t.comment(report);
    t.ok(succeeded > 50, "there was load");
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
