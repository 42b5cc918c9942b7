/** `foyer size`: sizes follow the costs, and bad input is told apart. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { runFoyer } from "../../shared/testing/cluster.ts";
import { simulateArrival, sizeCluster } from "../cli/sizing.ts";
import type { UnitCosts } from "../cli/unit-costs.ts";

const one = { gateway: 100, worker: 200, redis: 50, postgres: 100 };
const costs: UnitCosts = {
  measured: "made up",
  baseMb: { gateway: 100, worker: 120 },
  idleCpu: { gateway: 0, worker: 0 },
  connectionKb: { gateway: 4, redis: 1 },
  accountKb: 2,
  micros: { login: { ...one, gateway: 1_000 }, fetch: one, update: one, ping: one, search: one },
};
const conference = { attendees: 60_000, tabs: 1, arrivalSeconds: 600 };

t.test("what is busy is the sum of costs times rates", async (t) => {
  const { connections, peak, busy, pods } = sizeCluster(conference, costs);
  t.equal(connections, 60_000);
  t.equal(peak.logins, 200);
  // 200 logins of 1 ms; 1,000 fetches, 1,000 searches, 200 updates and 2,400 pings of 0.1 ms.
  t.ok(Math.abs(busy.gateway - (0.2 + 0.46)) < 1e-9, String(busy.gateway));
  t.equal(pods.gateway, 3 + 1, "25,000 connections a gateway, and one to spare");
});

t.test("twice the people, or half the time, never takes less", async (t) => {
  const figures = (one: typeof conference) => {
    const { busy, pods, podMb, redis, postgres } = sizeCluster(one, costs);
    return [
      ...Object.values(busy),
      ...Object.values(pods),
      redis.mb,
      redis.streams,
      postgres.mb,
      podMb.gateway * pods.gateway,
    ];
  };
  const before = figures(conference);
  for (const more of [{ attendees: 120_000 }, { tabs: 2 }, { arrivalSeconds: 300 }]) {
    const after = figures({ ...conference, ...more });
    t.ok(after.every((figure, i) => figure >= before[i]!));
  }
});

t.test("a simulated arrival waits where a role cannot do its work in time, and nowhere else", async (t) => {
  const enough = { gateway: 4, worker: 4, redis: 2, postgres: 2 };
  const calm = simulateArrival(conference, costs, enough, () => 0.5);
  t.strictSame(calm.longestWaitS, { gateway: 0, worker: 0, redis: 0, postgres: 0 });
  t.equal(calm.fullest, 60_000, "by a chance that always says the same");
  const slow = { ...costs, micros: { ...costs.micros, login: { ...one, redis: 20_000 } } };
  const { longestWaitS, busiest } = simulateArrival(conference, slow, enough, Math.random);
  t.ok(longestWaitS.redis > 1 && longestWaitS.worker === 0);
  t.ok(busiest.redis > 1);
});

t.test("over the command line", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "foyer-size-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "costs.json");
  writeFileSync(file, JSON.stringify(costs));
  const size = (...args: string[]) => runFoyer(["size", "--costs", file, ...args], {});
  const sized = JSON.parse(await size("--attendees", "50000", "--tabs", "1.5", "--arrival", "10m", "--json"));
  t.equal(sized.connections, 75_000);
  t.equal(sized.arrivalSeconds, 600);
  t.ok(sized.pods.gateway >= 4 && sized.podMb.gateway > 0 && sized.redis.mb > 0 && sized.postgres.mb > 0);
  const text = await size("--attendees", "1000000", "--simulate", "50");
  t.match(text, /gateways +\d+ pods of \d+ MB/);
  t.match(text, /on 50 gateways/);
  t.match(text, /67 % more/);
  for (const [args, complaint] of [
    [[], /required option '--attendees/],
    [["--attendees", "0"], /whole number of 1 or more/],
    [["--attendees", "many"], /whole number of 1 or more/],
    [["--attendees", "5", "--tabs", "0.5"], /number of 1 or more/],
    [["--attendees", "5", "--arrival", "soon"], /45s, 90m/],
    [["--attendees", "999999999999"], /at most 100000000/],
    [["--attendees", "5", "--simulate", "0"], /whole number from 1/],
  ] as const) {
    await t.rejects(size(...args), complaint);
    await t.rejects(size(...args), /ended with 2/);
  }
  await t.rejects(
    size("--attendees", "5", "--costs", "/nowhere.json"),
    /no unit costs .*npm run bench -- costs/,
  );
  writeFileSync(file, "{}");
  await t.rejects(size("--attendees", "5"), /is no table of unit costs/);
});
