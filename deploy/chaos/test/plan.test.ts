/** A seed decides a plan, whole and alone. */
import t from "tap";
import { endOf, kindNames, makePlan, makeTour, outsideKinds } from "../plan.ts";

const parts = { gateways: ["gateway-1", "gateway-2"], workers: ["worker-1", "worker-2"] };
const LAST_MS = 600_000;

t.test("the same seed makes the same plan, another one another", (t) => {
  t.same(makePlan(7, LAST_MS, parts), makePlan(7, LAST_MS, parts));
  t.notSame(makePlan(7, LAST_MS, parts), makePlan(8, LAST_MS, parts));
  // What a seed means does not change from one release to the next by accident.
  t.match(makePlan(7, 20_000, parts, ["kill", "stop"])[0], { at: 1_500 });
  t.end();
});

t.test("every kind has its turn, on parts that there are, and is over in time", (t) => {
  const plan = makePlan(1, LAST_MS, parts);
  t.same(new Set(plan.map(({ kind }) => kind)), new Set(kindNames));
  const targets = new Set([...parts.gateways, ...parts.workers, "redis", "postgres"]);
  t.same(new Set(plan.map(({ target }) => target)), targets);
  for (const fault of plan) t.ok(fault.at >= 0 && endOf(fault) <= LAST_MS, `${fault.kind} at ${fault.at}`);
  t.end();
});

t.test("only what is allowed, and from outside only what a ready file suffices for", (t) => {
  t.same(new Set(makePlan(1, LAST_MS, parts, ["kill"]).map(({ kind }) => kind)), new Set(["kill"]));
  t.same(outsideKinds, ["kill", "stop", "drain", "sever", "flush"]);
  t.end();
});

t.test(
  "a tour has each kind on each part once, apart from each other, and every two parts killed at once",
  (t) => {
    const tour = makeTour(parts, ["kill", "drain"]);
    const at = (ms: number) =>
      tour.filter((fault) => fault.at === ms).map(({ kind, target }) => `${kind} ${target}`);
    const times = [...new Set(tour.map((fault) => fault.at))];
    t.same(times.slice(0, 6).flatMap(at), [
      ...["kill gateway-1", "kill worker-1", "kill redis", "kill postgres"],
      ...["drain gateway-1", "drain worker-1"],
    ]);
    const pairs = times.slice(6).map((ms) => at(ms).map((text) => text.replace("kill ", "")));
    t.equal(pairs.length, 6);
    t.ok(pairs.every(([one, other]) => one !== other));
    t.ok(times.every((ms, i) => i === 0 || ms - times[i - 1]! >= 5_000));
    t.end();
  },
);
