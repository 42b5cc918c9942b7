/** `foyer status`: whether the cluster is well, from what it keeps in Redis. */
import type { ClusterLink } from "../../core/world-file.ts";
import { pause } from "../../shared/backoff.ts";
import { createLog } from "../../shared/log.ts";
import type { Keys } from "../../shared/redis/keys.ts";
import { runScript } from "../../shared/redis/lua.ts";
import { Subscriptions } from "../../shared/redis/subscriptions.ts";
import { explain, Failure, type Io } from "./failure.ts";
import { liveNodes } from "./live-nodes.ts";
import { findStores, type StoreOptions, withRedis } from "./stores.ts";
import { alignRows } from "./table.ts";

/** What `--json` prints (docs/operations.md). Null: could not be found out. */
interface Status {
  ok: boolean;
  problems: string[];
  gateways: { id: string; connections: number; draining: boolean }[];
  workers: { id: string }[];
  /** Commands that wait. */
  backlog: number | null;
  oldest_pending_seconds: number | null;
  canary_age_seconds: number | null;
  dead_letters: number | null;
}

/** Workers publish it far more often. */
const CANARY_MS = 5_000;
const MAX_PENDING_S = 10;
const LOOK_MS = 20;

/** Prints the state of the cluster; 1 if something is wrong with it. */
export async function runStatus(options: StoreOptions & { json?: boolean }, io: Io): Promise<number> {
  const status = await readStatus(options, io);
  io.stdout.write(options.json ? `${JSON.stringify(status)}\n` : describe(status));
  return status.ok ? 0 : 1;
}

async function readStatus(options: StoreOptions, io: Io): Promise<Status> {
  // Where nobody knows of a cluster there is no state to tell.
  const isKnown = findStores(io.environment, options.data).redisUrl !== null;
  try {
    return await withRedis(io, options, async (link, { redisUrl, commandStreams }) => {
      const [gateways, workers, streams, canaryAge, deadLetters] = await Promise.all([
        liveNodes(link, "gateway"),
        liveNodes(link, "core"),
        readStreams(link, commandStreams),
        hearCanary(redisUrl, link.keys),
        link.redis.xlen(link.keys.deadLetters()),
      ]);
      return judge({
        gateways: gateways.map(({ id, info }) => ({
          id,
          connections: info.connections ?? 0,
          draining: info.draining === true,
        })),
        workers: workers.map(({ id }) => ({ id })),
        ...streams,
        canary_age_seconds: canaryAge,
        dead_letters: deadLetters,
      });
    });
  } catch (error) {
    if (!isKnown) throw error;
    const why = error instanceof Failure ? error.message : `Redis: ${explain(error)}`;
    const unknown = { backlog: null, oldest_pending_seconds: null, canary_age_seconds: null };
    return { ok: false, problems: [why], gateways: [], workers: [], ...unknown, dead_letters: null };
  }
}

/** Adds what is wrong, and what to do about it. */
function judge(facts: Omit<Status, "ok" | "problems">): Status {
  const oldest = facts.oldest_pending_seconds ?? 0;
  const problems = [
    ...(facts.gateways.length === 0 ? ["no gateway is alive: start foyer gateway"] : []),
    ...(facts.workers.length === 0 ? ["no worker is alive: start foyer core"] : []),
    ...(facts.canary_age_seconds === null
      ? [`no canary heard in ${CANARY_MS / 1_000} s: no worker publishes, or Redis does not deliver`]
      : []),
    ...(oldest > MAX_PENDING_S
      ? [`the oldest command waits for ${Math.round(oldest)} s: look into the workers' logs, or add workers`]
      : []),
    ...(facts.dead_letters ? [`${facts.dead_letters} dead letters: foyer dead list shows them`] : []),
  ];
  return { ok: problems.length === 0, problems, ...facts };
}

/** An entry leaves its stream when it is finished: the first one is the oldest, whether a worker has it or none. */
async function readStreams({ redis, keys }: ClusterLink, streams: number) {
  let backlog = 0;
  let oldestMs = 0;
  for (let stream = 0; stream < streams; stream++) {
    backlog += Number((await redis.get(keys.backlog(stream))) ?? 0);
    oldestMs = Math.max(oldestMs, Number(await runScript(redis, "entry-age", keys.commandStream(stream))));
  }
  return { backlog, oldest_pending_seconds: oldestMs / 1_000 };
}

/** Seconds since the canary that is heard was sent, the oldest of all servers; null when one hears none. */
async function hearCanary(redisUrl: string, keys: Keys): Promise<number | null> {
  const subscriptions = new Subscriptions(redisUrl, createLog("silent"));
  const end = AbortSignal.timeout(CANARY_MS);
  const ages = new Map<string, number | null>();
  try {
    for (; !end.aborted; await pause(LOOK_MS, end)) {
      for (const slot of subscriptions.shards()) {
        const name = keys.canaryChannel(slot);
        if (ages.has(name)) continue;
        ages.set(name, null);
        subscriptions.add(name, {
          onMessage: (sentAt) => {
            const age = Math.max(0, Date.now() - Number(sentAt)) / 1_000;
            if (Number.isFinite(age)) ages.set(name, age);
          },
        });
      }
      const heard = [...ages.values()].filter((age) => age !== null);
      if (ages.size > 0 && heard.length === ages.size) return Math.max(...heard);
    }
    return null;
  } finally {
    subscriptions.close();
  }
}

function describe(status: Status): string {
  const show = (value: number | null, unit = "") => (value === null ? "unknown" : `${value}${unit}`);
  const gateways = status.gateways.map(({ id, connections, draining }) => [
    "gateway",
    `${id}, ${connections} connections${draining ? ", draining" : ""}`,
  ]);
  return alignRows([
    ["state", status.ok ? "all is well" : "something is wrong"],
    ...status.problems.map((problem) => ["problem", problem]),
    ...gateways,
    ...status.workers.map(({ id }) => ["worker", id]),
    ["backlog", show(status.backlog, " commands")],
    ["oldest pending", show(status.oldest_pending_seconds, " s")],
    ["canary", status.canary_age_seconds === null ? "not heard" : `${status.canary_age_seconds} s old`],
    ["dead letters", show(status.dead_letters)],
  ]);
}
