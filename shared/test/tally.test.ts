import { Registry } from "prom-client";
import t from "tap";
import { Tally } from "../tally.ts";

t.test("what was counted is seen once, however often somebody looks", async (t) => {
  const register = new Registry();
  const tally = new Tally({ name: "x_total", help: "x", labelNames: ["command", "outcome"], register });
  for (let i = 0; i < 3; i++) tally.add("user.fetch", "success");
  tally.add("user.fetch", "auth.denied");
  const lines = async () =>
    (await register.metrics()).split("\n").filter((line) => line.startsWith("x_total"));
  const expected = [
    'x_total{command="user.fetch",outcome="success"} 3',
    'x_total{command="user.fetch",outcome="auth.denied"} 1',
  ];
  t.strictSame(await lines(), expected);
  t.strictSame(await lines(), expected);
  tally.add("user.fetch", "success");
  t.match(await lines(), ['x_total{command="user.fetch",outcome="success"} 4']);
});

t.test("what has begun is there at 0, and counts from there", async (t) => {
  const register = new Registry();
  const tally = new Tally({ name: "x_total", help: "x", labelNames: ["command", "outcome"], register });
  tally.begin("user.ban", "server.fatal");
  t.match(await register.metrics(), 'x_total{command="user.ban",outcome="server.fatal"} 0');
  tally.add("user.ban", "server.fatal");
  t.match(await register.metrics(), 'x_total{command="user.ban",outcome="server.fatal"} 1');
});
