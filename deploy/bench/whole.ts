/** What concerns the cluster as a whole: search among many, nodes beside each other, and doing nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectDatabase } from "../../core/sql/database.ts";
import { fillSearchWorld } from "../../core/test/full-worlds.ts";
import type { ClusterFacts } from "../../loadtest/cluster.ts";
import { runFoyer } from "../../loadtest/operator.ts";
import { round, summarize } from "../../loadtest/report.ts";
import { cpuSeconds, namedPids } from "../../loadtest/usage.ts";
import { createLog } from "../../shared/log.ts";
import type { Side } from "./ground.ts";
import type { Measurement } from "./rows.ts";

const ACCOUNTS = 100_000;
const SEARCHES_A_SECOND = 40;
const TERMS = [
  "",
  "a",
  "ж",
  "☃",
  "er",
  "zo",
  "жу",
  "q%",
  "mey",
  "zoë o'neil 4267",
  "University of 17",
  "Nobody at all",
];
const PAGES = [1, 2, 7, 60, 900, 5_000];
const SEARCHED = "searched";

export const search: Measurement = {
  rows: ["search"],
  async measure(ground) {
    const facts = await ground.facts();
    const accounts = ground.scale.clients(ACCOUNTS);
    ground.progress(`  making ${accounts} accounts`);
    const sql = connectDatabase(facts.database_url, { max: 1, log: createLog("silent") });
    try {
      await fillSearchWorld(sql, SEARCHED, accounts);
    } finally {
      await sql.end();
    }
    // The file lets guests in, and says what is searched.
    await runFoyer(facts, ["world", "import", "-"], JSON.stringify(searchWorld));
    const searches = TERMS.flatMap((term) => PAGES.map((page) => ({ term, page })));
    const urls = facts.gateways.map(({ ws }) => `${ws.replace(/\/$/, "")}/ws/world/${SEARCHED}`);
    const side: Side = { name: "searchers", dialect: { name: "foyer", searches }, urls };
    return ground.withRun(100, async (run) => {
      await ground.join(run, side, ground.scale.clients(100), {
        people: { kind: "guest", seed: "searcher" },
      });
      await ground.open(run, side, { search: SEARCHES_A_SECOND }, ground.scale.short ? 0.5 : 4);
      const kinds = await ground.open(run, side, { search: SEARCHES_A_SECOND }, ground.scale.short ? 1 : 20);
      const { count, p50, p99, max } = summarize(kinds.get("search")!.histogram);
      const said = `${count} searches, ${SEARCHES_A_SECOND} a second, of ${TERMS.length} terms, pages 1 to ${PAGES.at(-1)}: p50 ${p50}, p99 ${p99}, slowest ${max} ms`;
      return { search: { value: round(p99), said } };
    });
  },
};

const searchWorld = {
  world: {
    id: SEARCHED,
    title: "Searched",
    user_list: { page_size: 20, search_min_chars: 0 },
    profile_fields: [{ id: "affiliation", label: "Affiliation", type: "text", searchable: true }],
    trait_badges_map: { speaker: "Speaker", guest: "Guest" },
    JWT_secrets: [],
  },
};

const COUNTS = [1, 2, 4];
const SCALE_RATES = { fetch: 1_200, update: 100 };

export const scaling: Measurement = {
  rows: ["scaling"],
  async measure(ground) {
    const { databaseUrl, redisUrl } = await (await ground.cluster()).stores();
    const found: { count: number; gateways: number; workers: number }[] = [];
    for (const count of COUNTS) {
      const options = ["--gateways", String(count), "--workers", String(count)];
      const environment = {
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        FOYER_REDIS_PREFIX: `scale${count}`,
      };
      const cluster = await ground.startCluster(options, environment);
      const facts = await cluster.facts!();
      const side: Side = { name: `with ${count}`, dialect: { name: "foyer" }, urls: cluster.urls };
      let costs: (typeof found)[number];
      try {
        costs = await ground.withRun(400, async (run) => {
          await ground.join(run, side, ground.scale.clients(400), {
            people: { kind: "guest", seed: `scale-${count}` },
          });
          const seconds = ground.scale.short ? 0.5 : 8;
          const rates = Object.fromEntries(
            Object.entries(SCALE_RATES).map(([kind, rate]) => [kind, ground.scale.clients(rate)]),
          );
          await ground.open(run, side, rates, seconds / 4);
          const before = usedBy(facts);
          const kinds = await ground.open(run, side, rates, seconds);
          const after = usedBy(facts);
          const commands = [...kinds.values()].reduce((sum, { histogram }) => sum + histogram.totalCount, 0);
          const cost = (role: string) =>
            round((sumOf(after, role) - sumOf(before, role)) / (commands / 1000));
          await run.crew.leave(side.name);
          return { count, gateways: cost("gateway"), workers: cost("worker") };
        });
      } finally {
        await cluster.stop();
      }
      ground.progress(
        `  ${count}: gateways ${costs.gateways} s, workers ${costs.workers} s for 1,000 commands`,
      );
      found.push(costs);
    }
    const spread = (list: number[]) => Math.max(...list) / Math.max(1e-3, Math.min(...list));
    const value = round(
      Math.max(spread(found.map(({ gateways }) => gateways)), spread(found.map(({ workers }) => workers))),
    );
    const each = found.map(({ count, gateways, workers }) => `${count}: ${gateways} and ${workers} s`);
    return {
      scaling: {
        value,
        said: `gateways and workers, ${each.join("; ")}; ${SCALE_RATES.fetch} fetches and ${SCALE_RATES.update} updates a second`,
      },
    };
  },
};

export const idle: Measurement = {
  rows: ["idle"],
  async measure(ground) {
    const facts = await ground.facts();
    await sleep(ground.scale.short ? 100 : 3_000);
    const before = usedBy(facts);
    const began = performance.now();
    await sleep(ground.scale.short ? 500 : 20_000);
    const seconds = (performance.now() - began) / 1000;
    const after = usedBy(facts);
    const shares = [...after].map(
      ([name, used]) => [name, ((used - before.get(name)!) / seconds) * 100] as const,
    );
    const value = round(shares.reduce((sum, [, share]) => sum + share, 0));
    const said = shares.map(([name, share]) => `${name} ${round(share)}`).join(", ");
    return { idle: { value, said } };
  },
};

function usedBy(facts: ClusterFacts): Map<string, number> {
  const used = new Map([...namedPids(facts)].map(([name, pid]) => [name, cpuSeconds(pid) ?? 0]));
  if (facts.postgres_pid !== null) used.set("postgres", cpuSeconds(facts.postgres_pid, true) ?? 0);
  return used;
}

function sumOf(used: ReadonlyMap<string, number>, role: string): number {
  return [...used].reduce((sum, [name, seconds]) => (name.startsWith(role) ? sum + seconds : sum), 0);
}
