/** The short variant of `npm run alerts`; and that the long one has every alert. */
import t from "tap";
import { runProgram } from "../../shared/testing/run-program.ts";
import { rounds } from "../alerts/breakages.ts";
import { impatient } from "../alerts/impatient.ts";
import { gapsIn } from "../alerts/run.ts";
import { canRun } from "../local/fetch-redis.ts";
import { alerts } from "../prometheus/alerts.ts";

t.test("every alert is provoked by something", async (t) => {
  t.strictSame(gapsIn(rounds), []);
  const [first] = rounds.flat();
  t.strictSame(gapsIn([rounds.flat().slice(1)]), [`${first!.alerts[0]}: nothing provokes it`]);
  t.strictSame(gapsIn([...rounds, [{ ...first!, alerts: ["Made up"] }]]), [
    "Made up: there is no such alert",
  ]);
});

t.test("shortened, an alert is about the same", async (t) => {
  const timeless = (expr: string) =>
    expr.replace(/\[\w+\]/g, "[]").replace(/process_start_time_seconds > \d+/, "");
  for (const alert of alerts) {
    const short = impatient(alert);
    t.equal(timeless(short.expr), timeless(alert.expr), alert.name);
    t.match(short.for, /^[01]s$/);
    t.notMatch(short.expr, /\[\d+m\]/);
  }
});

const skip = (await canRun("prometheus")) ? false : "Prometheus is not installed (package prometheus)";

t.test("alerts fire when a cluster is broken, and end when it is whole again", { skip }, async (t) => {
  const { code, written } = await runProgram("deploy/alerts/main.js", ["--short"]);
  t.equal(code, 0, written);
  for (const alert of ["FoyerFailedLogins", "FoyerDeadLetter", "FoyerNoWorker"]) {
    t.match(written, new RegExp(`^${alert} +[\\d.]+ s +[\\d.]+ s `, "m"));
  }
  t.match(written, "3 alerts fired and were resolved");
});
