/** What concerns the cluster as a whole: search among many, nodes beside each other, and doing nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectDatabase } from "../../core/sql/database.ts";
import { fillSearchWorld } from "../../core/test/full-worlds.ts";
import type { ClusterFacts } from "../../loadtest/cluster.ts";
import { runFoyer } from "../../loadtest/operator.ts";
import { round, summarize } from "../../loadtest/report.ts";
import type { Run } from "../../loadtest/run.ts";
import { cpuSeconds, namedPids } from "../../loadtest/usage.ts";
import { createLog } from "../../shared/log.ts";
import type { Ground, Side } from "./ground.ts";
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
/** Commands a second for all nodes together, however many they are, and for each gateway where load grows with them. */
const SCALE_RATES = { fetch: 1_200, update: 100 };
const RATES_EACH = { fetch: 300, update: 25 };
/** Nodes that have just been started compile their code, all of them on few processors: load comes to them slowly. */
const SCALE_WARM_UPS = [0.25, 0.5, 1];

/** Processor seconds for 1,000 commands. */
interface Cost {
  gateways: number;
  workers: number;
}

export const scaling: Measurement = {
  rows: ["scaling", "scaling-load"],
  async measure(ground) {
    const { databaseUrl, redisUrl } = await (await ground.cluster()).stores();
    const found: { count: number; same: Cost; grown: Cost }[] = [];
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
      try {
        await ground.withRun(400, async (run) => {
          await ground.join(run, side, ground.scale.clients(400), {
            people: { kind: "guest", seed: `scale-${count}` },
          });
          const costOf = (rates: typeof SCALE_RATES, factor: number) =>
            costAt({ ground, run, side, facts, rates, factor });
          for (const share of SCALE_WARM_UPS) await costOf(SCALE_RATES, share);
          found.push({ count, same: await costOf(SCALE_RATES, 1), grown: await costOf(RATES_EACH, count) });
          await run.crew.leave(side.name);
        });
      } finally {
        await cluster.stop();
      }
      const { same, grown } = found.at(-1)!;
      ground.progress(
        `  ${count}: ${sayCost(same)} at the same load, ${sayCost(grown)} at ${count} times that of one`,
      );
    }
    const finding = (of: "same" | "grown", load: string) => {
      const each = found.map((one) => `${one.count}: ${sayCost(one[of])}`).join("; ");
      const worst = Math.max(
        ...(["gateways", "workers"] as const).map((role) => spread(found.map((one) => one[of][role]))),
      );
      return { value: round(worst), said: `seconds of gateways and workers, ${each}; ${load}` };
    };
    const sayRates = ({ fetch, update }: typeof SCALE_RATES) =>
      `${fetch} fetches and ${update} updates a second`;
    return {
      scaling: finding("same", sayRates(SCALE_RATES)),
      "scaling-load": finding("grown", `${sayRates(RATES_EACH)} for each gateway`),
    };
  },
};

interface Costing {
  ground: Ground;
  run: Run;
  side: Side;
  facts: ClusterFacts;
  /** Commands a second, by kind; `factor` times that is asked. */
  rates: typeof SCALE_RATES;
  factor: number;
}

async function costAt({ ground, run, side, facts, rates, factor }: Costing): Promise<Cost> {
  const asked = Object.fromEntries(
    Object.entries(rates).map(([kind, rate]) => [kind, ground.scale.clients(rate * factor)]),
  );
  const before = usedBy(facts);
  const kinds = await ground.open(run, side, asked, ground.scale.short ? 0.3 : factor < 1 ? 2 : 8);
  const after = usedBy(facts);
  const commands = [...kinds.values()].reduce((sum, { histogram }) => sum + histogram.totalCount, 0);
  const cost = (role: string) => round((sumOf(after, role) - sumOf(before, role)) / (commands / 1000));
  return { gateways: cost("gateway"), workers: cost("worker") };
}

const sayCost = ({ gateways, workers }: Cost) => `${gateways} and ${workers}`;

const spread = (list: number[]) => Math.max(...list) / Math.max(1e-3, Math.min(...list));

/** Until then V8 collects in each node once what its start has left, some 70 ms of processor time. */
const STARTED_MS = 30_000;

export const idle: Measurement = {
  rows: ["idle"],
  async measure(ground) {
    const facts = await ground.facts();
    await sleep(ground.scale.short ? 100 : STARTED_MS);
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
