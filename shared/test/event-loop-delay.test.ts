/** What a node says about the delay of its event loop is the delay alone. */
import t from "tap";
import { createRegistry } from "../metrics.ts";
import { waitFor } from "../testing/wait-for.ts";

const BLOCKED_MS = 600;

/** Looks once, which begins the next look. */
const look = async (register: ReturnType<typeof createRegistry>) => {
  const text = await register.metrics();
  const figure = (name: string) =>
    Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (.+)$`, "m").exec(text)?.[1]);
  return { min: figure("min"), max: figure("max"), p99: figure("p99") };
};

t.test("an event loop that turns is not late by the interval of looking", async () => {
  const register = createRegistry("core");
  await waitFor("a timer that is on time", async () => {
    const { min, max } = await look(register);
    // None is on time to the nanosecond: before the first all are 0.
    return max > 0 && min < 0.09;
  });
});

t.test("one that is held up is late by that", async () => {
  const register = createRegistry("core");
  await waitFor("the delay to show", async () => {
    const end = performance.now() + BLOCKED_MS;
    while (performance.now() < end);
    // The timer that is late comes after this turn.
    await new Promise((resolve) => setTimeout(resolve));
    const { max, p99 } = await look(register);
    return max > 0.2 && p99 > 0.2;
  });
});

t.test("each figure is there once", async (t) => {
  const text = await createRegistry("gateway").metrics();
  for (const figure of ["min", "max", "mean", "stddev", "p50", "p90", "p99"])
    t.equal(text.match(new RegExp(`^nodejs_eventloop_lag_${figure}_seconds `, "gm"))?.length, 1, figure);
  t.match(text, /^nodejs_eventloop_lag_seconds /m);
});
