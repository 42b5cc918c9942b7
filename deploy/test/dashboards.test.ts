/** Every panel's query finds something in a real Prometheus that has looked at a cluster at work. */
import { randomUUID } from "node:crypto";
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster } from "../../shared/testing/cluster.ts";
import { scrape } from "../../shared/testing/metrics.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { startPrometheus } from "../alerts/prometheus.ts";
import { dashboardJson } from "../grafana/dashboard.ts";
import { dashboards } from "../grafana/dashboards.ts";
import { canRun } from "../local/fetch-redis.ts";
import { alerts } from "../prometheus/alerts.ts";
import { ruleFile } from "../prometheus/rule-files.ts";

const world = {
  world: { id: "w", title: "W", domain: "conf.example" },
  roles: { attendee: ["world:view"], moderator: ["world:users.manage"] },
  trait_grants: { attendee: [], moderator: [] },
};

const panels = dashboards.flatMap(({ title, rows }) =>
  rows.flatMap((row) =>
    row.panels.map((panel) => ({ ...panel, where: `${title} › ${row.title} › ${panel.title}` })),
  ),
);
const queries = panels.flatMap(({ where, queries }) => queries.map(({ expr }) => ({ where, expr })));
const allExpressions = [...queries, ...alerts].map(({ expr }) => expr).join("\n");

t.test(
  "dashboards are what Grafana imports: unique addresses, panels side by side without overlap",
  async (t) => {
    t.equal(new Set(dashboards.map(({ uid }) => uid)).size, dashboards.length);
    for (const dashboard of dashboards) {
      const { panels } = JSON.parse(dashboardJson(dashboard)) as {
        panels: { id: number; title: string; gridPos: Record<"x" | "y" | "w" | "h", number> }[];
      };
      t.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
      for (const [i, { title, gridPos: a }] of panels.entries()) {
        t.ok(a.x + a.w <= 24, `${title} fits`);
        for (const { title: other, gridPos: b } of panels.slice(i + 1)) {
          const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
          t.ok(apart, `${title} and ${other} stand apart`);
        }
      }
    }
  },
);

t.test("with a cluster at work", async (t) => {
  const cluster = await startTestCluster(t, {
    worlds: [world],
    gateways: 2,
    workers: 2,
    environment: { FOYER_ORIGINS: "https://app.example" },
  });
  const nodes = [...cluster.gateways, ...cluster.workers];

  t.test("every metric of ours is in a panel or an alert, and no other is", async (t) => {
    const scrapes = await Promise.all(nodes.map(({ ops }) => scrape(ops)));
    const ours = new Set(scrapes.flatMap(({ names }) => names).filter((name) => name.startsWith("foyer_")));
    const base = (name: string) =>
      [name, name.replace(/_(bucket|count|sum)$/, "")].find((each) => ours.has(each)) ?? name;
    const used = new Set([...allExpressions.matchAll(/\bfoyer_\w+/g)].map(([name]) => base(name)));
    t.strictSame(
      [...ours].filter((name) => !used.has(name)),
      [],
    );
    t.strictSame(
      [...used].filter((name) => !ours.has(name)),
      [],
    );
  });

  const skip = (await canRun("prometheus")) ? false : "Prometheus is not installed (package prometheus)";

  t.test("every query returns data", { skip }, async (t) => {
    const { query } = await startPrometheus(t, nodes, ruleFile());
    const [first, second] = cluster.gateways;
    const stop = new AbortController();
    const working = work([first!.world("w"), second!.world("w")], stop.signal);
    const left = new Map(queries.map(({ where, expr }) => [expr, where]));
    await waitFor(
      "all queries to have data",
      async () => {
        for (const expr of left.keys()) {
          const found = await query(expr.replaceAll("$__rate_interval", "10s"));
          if (found.some(({ value }) => !Number.isNaN(value))) left.delete(expr);
        }
        return left.size === 0;
      },
      60_000,
    ).catch((error: Error) => t.comment(error.message));
    stop.abort();
    await working;
    t.strictSame([...left], []);
    t.strictSame(await query('ALERTS{alertstate="firing"}'), [], "and nothing fires");
  });
});

/** People come, change themselves, ask for others, do what they may not, are banned, and leave; until told to stop. */
async function work(urls: string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const payload = { client_id: randomUUID() };
    const [one, twin, moderator] = await Promise.all(
      [urls[0]!, urls[1]!, urls[0]!].map((url) => connectClient(url)),
    );
    const { id } = (await one!.logIn(payload))["user.config"];
    await twin!.logIn(payload);
    await moderator!.logIn({ client_id: randomUUID() });
    await connectClient(urls[0]!, { origin: "https://evil.example" }).catch(() => {});
    for (let i = 0; i < 5; i++) {
      await one!.ask("user.update", { profile: { display_name: `No. ${i}` } });
      await twin!.take("user.updated");
      await moderator!.ask("user.fetch", { id });
    }
    await moderator!.ask("user.fetch", { id: randomUUID() });
    await moderator!.ask("user.ban", { id });
    for (const client of [one!, twin!]) await client.closed();
    moderator!.end();
  }
}
