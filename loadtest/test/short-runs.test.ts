/** The short variant of every scenario, each against a cluster of its own: what they promise has to hold. */
import t from "tap";
import { runProgram } from "../../shared/testing/run-program.ts";

for (const args of [["fetch"], ["logins"], ["updates"], ["updates", "--kill-worker-at", "1"], ["overload"]]) {
  t.test(`${args.join(" ")} keeps its promises`, async (t) => {
    const { code, written } = await runProgram("loadtest/main.js", [...args, "--short"]);
    t.equal(code, 0, written);
    t.match(written, "all promises kept");
  });
}
