/** The generators of a run, seen from the process that leads it: plans go out, shared out evenly, ticks come back. */
import { fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { addSnapshots, type Snapshot } from "../recorder.ts";
import { Generator } from "./generator.ts";
import type { Acts, JoinPlan, OpenPlan, Tick } from "./plans.ts";

/** To a generator's process. */
export interface Order {
  id: number;
  act: keyof Acts;
  plan: unknown;
}

/** And from it. */
export type Word =
  | { ready: true }
  | { tick: Tick }
  | { id: number; result: object }
  | { id: number; failed: string };

/** One generator, wherever it runs. */
interface Link {
  /** null: it runs in this process. */
  pid: number | null;
  ask(act: keyof Acts, plan: unknown): Promise<object>;
  end(): Promise<void>;
}

type Plan<A extends keyof Acts> = Parameters<Acts[A]>[0];
type Result<A extends keyof Acts> = Awaited<ReturnType<Acts[A]>>;

/** What an act found, by kind. */
export type Kinds = ReturnType<typeof addSnapshots>;

/** A generator that does not end when told to is ended. */
const END_MS = 5_000;

export class Crew {
  readonly #links: Link[];

  private constructor(links: Link[]) {
    this.#links = links;
  }

  /**
   * Starts the generators.
   *
   * @param processes 0: one in this process
   * @param onTick told which generator what it tells
   */
  static async start(processes: number, onTick: (generator: number, tick: Tick) => void): Promise<Crew> {
    if (processes === 0) return new Crew([linkHere((tick) => onTick(0, tick))]);
    const starting = Array.from({ length: processes }, (_, i) => linkProcess((tick) => onTick(i, tick)));
    return new Crew(await Promise.all(starting));
  }

  get size(): number {
    return this.#links.length;
  }

  /** Their processes. */
  pids(): number[] {
    return this.#links.flatMap(({ pid }) => pid ?? []);
  }

  /** Users are shared out whole: who hears each other is in one process, and so on one clock. */
  async join(plan: JoinPlan): Promise<{ joined: number; seconds: number }> {
    const users = Math.ceil(plan.count / plan.tabs);
    const shares = this.#links.map((_, i) => {
      const [from, to] = [i, i + 1].map((n) => Math.floor((users * n) / this.size) * plan.tabs);
      const count = Math.min(to!, plan.count) - from!;
      const share = count / plan.count;
      const pace =
        "rate" in plan.pace
          ? { rate: Math.max(plan.pace.rate * share, 1e-9) }
          : { atOnce: Math.max(1, Math.round(plan.pace.atOnce / this.size)) };
      return { ...plan, first: plan.first + from!, count, pace };
    });
    const results = await this.#each("join", (i) => shares[i]!);
    const joined = results.reduce((sum, result) => sum + result.joined, 0);
    return { joined, seconds: Math.max(...results.map(({ seconds }) => seconds)) };
  }

  /** @returns answers a second of all, and what happened while that was measured */
  async closed(plan: Plan<"closed">): Promise<{ rate: number; kinds: Kinds }> {
    const results = await this.#each("closed", () => plan);
    return { rate: results.reduce((sum, { rate }) => sum + rate, 0), kinds: kindsOf(results) };
  }

  async open(plan: OpenPlan): Promise<{ sent: number; unanswered: number; kinds: Kinds }> {
    const { rates } = plan;
    const shared = Object.fromEntries(
      Object.entries(rates).map(([kind, rate]) => [kind, rate / this.size]),
    ) as OpenPlan["rates"];
    const results = await this.#each("open", () => ({ ...plan, rates: shared }));
    return {
      sent: results.reduce((sum, { sent }) => sum + sent, 0),
      unanswered: results.reduce((sum, { unanswered }) => sum + unanswered, 0),
      kinds: kindsOf(results),
    };
  }

  /** By the first generator: it has all members of a single user. */
  tell(plan: Plan<"tell">): Promise<Result<"tell">> {
    return this.#links[0]!.ask("tell", plan) as Promise<Result<"tell">>;
  }

  async leave(group: string): Promise<void> {
    await this.#each("leave", () => ({ group }));
  }

  async count(group: string): Promise<number> {
    const results = await this.#each("count", () => ({ group }));
    return results.reduce((sum, { connected }) => sum + connected, 0);
  }

  async stop(): Promise<void> {
    await this.#each("stop", () => ({}));
  }

  async end(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.end()));
  }

  #each<A extends keyof Acts>(act: A, plan: (i: number) => Plan<A>): Promise<Result<A>[]> {
    return Promise.all(this.#links.map((link, i) => link.ask(act, plan(i)) as Promise<Result<A>>));
  }
}

function kindsOf(results: readonly { snapshot: Snapshot }[]): Kinds {
  return addSnapshots(results.map(({ snapshot }) => snapshot));
}

function linkHere(onTick: (tick: Tick) => void): Link {
  const generator = new Generator(onTick);
  return {
    pid: null,
    ask: (act, plan) => (generator[act] as (given: unknown) => Promise<object>)(plan),
    end: async () => generator.end(),
  };
}

async function linkProcess(onTick: (tick: Tick) => void): Promise<Link> {
  // Beside this file, compiled or not as this file is.
  const path = fileURLToPath(new URL(`./process${extname(import.meta.url)}`, import.meta.url));
  const child = fork(path, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const asked = new Map<number, { resolve(result: object): void; reject(error: Error): void }>();
  let last = 0;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once("message", () => resolve());
    child.once("error", reject);
    child.once("exit", (status) => reject(new Error(`a generator ended with ${status} as it started`)));
  });
  child.on("message", (word: Word) => {
    if ("tick" in word) return onTick(word.tick);
    if ("ready" in word) return;
    const { resolve, reject } = asked.get(word.id)!;
    asked.delete(word.id);
    if ("failed" in word) reject(new Error(word.failed));
    else resolve(word.result);
  });
  child.once("exit", (status, signal) => {
    for (const { reject } of asked.values()) reject(new Error(`a generator ended with ${signal ?? status}`));
  });
  return {
    pid: child.pid!,
    ask: (act, plan) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        asked.set(id, { resolve, reject });
        child.send({ id, act, plan } satisfies Order);
      }),
    async end() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}
