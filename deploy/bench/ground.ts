/** What the rows of the bench stand on: a durable cluster, peers, generators; started when a row first needs them. */
import { availableParallelism } from "node:os";
import { type ClusterFacts, startCluster, type Target } from "../../loadtest/cluster.ts";
import type { DialectName, JoinPlan } from "../../loadtest/generator/plans.ts";
import { installPeers, type Peer, type PeerName, startPeer } from "../../loadtest/peers.ts";
import { Run } from "../../loadtest/run.ts";
import { gather } from "../../loadtest/scenarios/load.ts";
import { generatorsFor } from "../../loadtest/source-address.ts";

type Cluster = Awaited<ReturnType<typeof startCluster>>;

/** How much is measured. */
export interface Scale {
  /** The quick form: every row for a moment, to see that it works. Its figures mean nothing. */
  short: boolean;
  /** Turns of each side. */
  rounds: number;
  /** Seconds of a turn. */
  seconds: number;
  warmUpMs: number;
  /** `usual` clients; fewer in the quick form. */
  clients(usual: number): number;
}

/** A side that is measured: Foyer or a peer. */
export interface Side {
  name: string;
  dialect: DialectName;
  urls: string[];
}

const GRACE_MS = 12_000;

export class Ground {
  readonly scale: Scale;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
  #cluster: Promise<Cluster> | null = null;
  readonly #stops: (() => Promise<unknown>)[] = [];

  constructor(scale: Scale, progress: (line: string) => void, signal: AbortSignal) {
    this.scale = scale;
    this.progress = progress;
    this.signal = signal;
  }

  /** Two gateways, two workers, with stores that survive a crash. */
  cluster(): Promise<Cluster> {
    this.#cluster ??= this.startCluster([], {});
    return this.#cluster;
  }

  /** Another one. @param options of `foyer local` */
  async startCluster(options: readonly string[], environment: Record<string, string>): Promise<Cluster> {
    this.progress(`starting a cluster ${options.join(" ")}`.trimEnd());
    // biome-ignore lint/style/noProcessEnv: the cluster that is started here inherits where programs are
    const { PATH, HOME, TMPDIR } = process.env;
    const all = { PATH, HOME, TMPDIR, FOYER_MAX_FAILED_LOGINS_PER_IP: "0", ...environment };
    const cluster = await startCluster({ environment: all, signal: this.signal, options, durable: true });
    this.#stops.push(() => cluster.stop());
    return cluster;
  }

  async facts(): Promise<ClusterFacts> {
    return (await this.cluster()).facts!();
  }

  async foyer(): Promise<Side> {
    return { name: "foyer", dialect: { name: "foyer" }, urls: (await this.cluster()).urls };
  }

  /** Nodes of a peer; they end when `end` is called. */
  async peers(name: PeerName, count: number): Promise<Peer[]> {
    if (name !== "uws") await installPeers(this.progress);
    const { redis_url: redisUrl } = await this.facts();
    const peers = await Promise.all(Array.from({ length: count }, () => startPeer(name, redisUrl)));
    for (const peer of peers) this.#stops.push(() => peer.stop());
    return peers;
  }

  async peerSide(name: PeerName, count: number, dialect: DialectName, called: string = name): Promise<Side> {
    return { name: called, dialect, urls: (await this.peers(name, count)).map(({ url }) => url) };
  }

  /** Generators for the cluster, which end with `work`. */
  async withRun<T>(connections: number, work: (run: Run, target: Target) => Promise<T>): Promise<T> {
    const target = await this.cluster();
    const wanted = Math.max(1, availableParallelism() >> 1);
    const generators = generatorsFor(connections, wanted);
    const run = await Run.start(target, { generators, ops: [], progress: this.progress });
    try {
      return await work(run, target);
    } finally {
      await run.end();
    }
  }

  /** Logs a side's members in, as a group of its name. @throws Error when not all get in */
  async join(
    run: Run,
    side: Side,
    count: number,
    more: Partial<JoinPlan> = {},
  ): Promise<{ seconds: number }> {
    const target = await this.cluster();
    const { name: group, dialect, urls } = side;
    const load = {
      run,
      target,
      clients: count,
      first: 0,
      seconds: 0,
      atOnce: 100,
      seed: `bench-${Date.now()}`,
    };
    const result = await gather(load, { group, dialect, urls, label: `join ${group}`, ...more });
    const failures = [...run.since(0)].flatMap(([kind, { outcomes }]) =>
      kind.startsWith("join") ? [...outcomes.keys()].filter((outcome) => outcome !== "success") : [],
    );
    if (result.joined !== count)
      throw new Error(`only ${result.joined} of ${count} got into ${group}: ${failures[0]}`);
    return result;
  }

  /** Each member of a side has one command outstanding; answers a second. @throws Error when one fails */
  async closed(
    run: Run,
    side: Side,
    kind: "echo" | "fetch" | "update",
    seconds = this.scale.seconds,
  ): Promise<number> {
    const { warmUpMs } = this.scale;
    const plan = { group: side.name, kinds: [kind], warmUpMs, measureMs: seconds * 1000, graceMs: GRACE_MS };
    const { rate, kinds } = await run.crew.closed(plan);
    onlySuccess(side, kinds);
    this.progress(`  ${side.name} ${kind}: ${Math.round(rate)}/s`);
    return rate;
  }

  /** A steady rate; what happened, by kind. @throws Error when one fails */
  async open(
    run: Run,
    side: Side,
    rates: Parameters<Run["crew"]["open"]>[0]["rates"],
    seconds = this.scale.seconds,
  ) {
    const { kinds } = await run.crew.open({ group: side.name, rates, seconds, graceMs: GRACE_MS });
    onlySuccess(side, kinds);
    return kinds;
  }

  async end(): Promise<void> {
    for (const stop of this.#stops.reverse()) await stop();
  }
}

function onlySuccess(side: Side, kinds: Awaited<ReturnType<Run["crew"]["open"]>>["kinds"]): void {
  for (const [kind, { outcomes }] of kinds) {
    for (const [outcome, count] of outcomes) {
      if (outcome !== "success") throw new Error(`${side.name}, ${kind}: ${outcome} (${count} times)`);
    }
  }
}
