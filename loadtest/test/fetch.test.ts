import t from "tap";
import { runClosedLoop } from "../closed-loop.ts";
import { connectToEcho, startEchoServer } from "../echo.ts";
import { echoLoop } from "../scenarios/fetch.ts";

const short = { warmUpSeconds: 0.05, seconds: 0.2 };

t.test("the echo side of fetch: every frame comes back as it was", async (t) => {
  const echo = await startEchoServer();
  t.teardown(() => echo.stop());
  const connections = await connectToEcho(echo, 20, 5);
  const { rate, latencies, failures } = await runClosedLoop(echoLoop(connections, "x".repeat(250), short));
  t.ok(rate > 0);
  t.ok(latencies.count > 0);
  t.equal(failures.size, 0);
  for (const connection of connections) connection.close();
});

t.test("a server that goes away is a failure, not a hang", async (t) => {
  const echo = await startEchoServer();
  const connections = await connectToEcho(echo, 3, 3);
  const run = runClosedLoop(echoLoop(connections, "x", short));
  await echo.stop();
  const { failures } = await run;
  t.equal(
    [...failures]
      .filter(([what]) => /connection closed/.test(what))
      .reduce((sum, [, times]) => sum + times, 0),
    3,
  );
});
