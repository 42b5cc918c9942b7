import { Histogram, Registry } from "prom-client";
import t from "tap";
import { Timings } from "../timings.ts";

t.test("shows what prom-client's own histogram would show", async (t) => {
  const options = { name: "foyer_test_seconds", help: "durations", buckets: [0.001, 0.01, 1] };
  const registers = { ours: new Registry(), theirs: new Registry() };
  const ours = new Timings({ ...options, labelName: "command", register: registers.ours });
  const theirs = new Histogram({ ...options, labelNames: ["command"], registers: [registers.theirs] });
  const observe = (command: string, seconds: number) => {
    ours.observe(command, seconds);
    theirs.observe({ command }, seconds);
  };
  t.equal(await registers.ours.metrics(), await registers.theirs.metrics(), "before anything is observed");
  ours.begin("user.fetch");
  theirs.zero({ command: "user.fetch" });
  t.equal(await registers.ours.metrics(), await registers.theirs.metrics(), "at 0");
  for (const seconds of [0, 0.0005, 0.001, 0.0010001, 0.5, 1, 1.5, 60]) observe("user.fetch", seconds);
  observe("user.update", 0.25);
  t.equal(await registers.ours.metrics(), await registers.theirs.metrics());
  t.match(await registers.ours.metrics(), 'foyer_test_seconds_bucket{le="0.01",command="user.fetch"} 4');
});
