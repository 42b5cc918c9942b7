/** The short variant of `npm run chaos`, against a `foyer local` of its own, both of whose stores are killed too. */
import t from "tap";
import { runProgram } from "../../../shared/testing/run-program.ts";

/** Decides upon every kind of fault, and that each store is killed. */
const SEED = 63;

t.test("nothing that was promised is broken", async (t) => {
  const args = ["--local", "--seed", `${SEED}`, "--seconds", "25", "--accounts", "6"];
  const { code, written } = await runProgram("deploy/chaos/main.js", args);
  t.equal(code, 0, written);
  t.match(written, `Nothing was broken (seed ${SEED}).`);
  for (const fault of ["kill postgres", "kill redis", "stop", "drain", "sever", "flush"])
    t.match(written, fault);
});

t.test("what cannot be done is said", async (t) => {
  const { code, written } = await runProgram("deploy/chaos/main.js", ["--faults", "fire"]);
  t.equal(code, 2);
  t.match(written, "fire: there are kill, stop,");
  const outside = await runProgram("deploy/chaos/main.js", ["--local", "--faults", "cut-redis"]);
  t.equal(outside.code, 1);
  t.match(outside.written, "none of these faults is possible without a cluster of one's own");
});
