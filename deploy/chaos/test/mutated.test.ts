/** The checker finds what it is for: with one invariant switched off, a run fails that the code as it is passes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { mutations } from "../mutations.ts";
import { copyBuild } from "../world/build.ts";
import { findBroken, startCluster } from "./scenario.ts";

for (const { name, edits, scenario, shownBy } of mutations) {
  t.test(`${name}: it is noticed`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "foyer-mutation-"));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    copyBuild(join(folder, "foyer"), edits);
    const broken = await findBroken(t, await startCluster(t, join(folder, "foyer")), scenario);
    t.ok(
      shownBy.some((rule) => broken.has(rule)),
      `broken: ${[...broken].join(", ") || "nothing"}; it had to be ${shownBy.join(" or ")}`,
    );
  });
}

t.test("an edit whose text is not there any more is refused", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "foyer-mutation-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const edit = { file: "core/batch.js", find: "what never stood there", replace: "" };
  t.throws(() => copyBuild(join(folder, "foyer"), [edit]), { message: /has 0 times, not once/ });
  t.end();
});
