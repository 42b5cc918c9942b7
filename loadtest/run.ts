/** A run: generators that do what a scenario says, what they and the cluster tell meanwhile, and the line that shows it. */
import type { Target } from "./cluster.ts";
import { Crew } from "./generator/crew.ts";
import type { Tick } from "./generator/plans.ts";
import { addSnapshots, encodeSnapshot, type Snapshot } from "./recorder.ts";
import { round, summarize } from "./report.ts";
import {
  describeMachine,
  failuresOf,
  type GeneratorPoint,
  judgeBottleneck,
  type Point,
  type RunResult,
} from "./result.ts";
import { watch } from "./watch.ts";

/** How a run is set up. */
export interface RunOptions {
  /** Processes; 0: in this one. */
  generators: number;
  /** Ops addresses of nodes, where only URLs of the cluster are known. */
  ops: readonly string[];
  progress: (line: string) => void;
  /** Draws the line that shows how it goes; undefined: nobody looks. */
  live?: ((line: string) => void) | undefined;
}

export class Run {
  readonly crew: Crew;
  readonly notes: RunResult["notes"] = [];
  readonly broken: string[] = [];
  readonly progress: (line: string) => void;
  readonly #began = Date.now();
  readonly #snapshots = new Map<number, Snapshot[]>();
  readonly #connected = new Map<number, number>();
  /** Of each generator, at its last tick. */
  readonly #now = new Map<number, number>();
  readonly #generators: GeneratorPoint[][] = [];
  readonly #watching: ReturnType<typeof watch>;
  readonly #live: NodeJS.Timeout | undefined;

  private constructor(crew: Crew, target: Target, { ops, progress, live }: RunOptions) {
    this.crew = crew;
    this.progress = progress;
    this.#watching = watch({ facts: target.facts, ops });
    if (live !== undefined) this.#live = setInterval(() => live(this.#line()), 1_000);
  }

  /** Starts the generators. */
  static async start(target: Target, options: RunOptions): Promise<Run> {
    let run: Run | undefined;
    const crew = await Crew.start(options.generators, (generator, tick) => run?.take(generator, tick));
    run = new Run(crew, target, options);
    return run;
  }

  /** Says what begins now, on the chart too. */
  note(text: string): void {
    this.notes.push({ at: this.at(), text });
    this.progress(text);
  }

  /** Seconds since it began. */
  at(): number {
    return Math.round((Date.now() - this.#began) / 1000);
  }

  take(generator: number, { at, snapshot, connected, cpu, delayMs }: Tick): void {
    const second = Math.max(0, Math.round((at - this.#began) / 1000));
    if (Object.keys(snapshot).length > 0) {
      const list = this.#snapshots.get(second) ?? [];
      list.push(snapshot);
      this.#snapshots.set(second, list);
    }
    this.#now.set(generator, connected);
    this.#connected.set(
      second,
      [...this.#now.values()].reduce((sum, count) => sum + count, 0),
    );
    this.#generators[generator] ??= [];
    if (cpu === null) return;
    this.#generators[generator].push({ at: second, cpu: round(cpu), delayMs: round(delayMs) });
  }

  /** What the seconds since `from` have brought. */
  since(from: number) {
    return addSnapshots([...this.#snapshots].flatMap(([at, list]) => (at >= from ? list : [])));
  }

  /** Of a process, its latest figures; undefined where nobody can look. */
  latest(name: string) {
    return this.#watching.latest.processes[name]?.at(-1);
  }

  /** Ends the generators. */
  async end(): Promise<void> {
    clearInterval(this.#live);
    await this.crew.end();
    await this.#watching.stop();
  }

  /**
   * All of it, once the run has ended.
   *
   * @param expected what may fail, as `kind: outcome`
   */
  result(
    scenario: string,
    options: Record<string, unknown>,
    figures: Record<string, unknown>,
    expected: RegExp = /^$/,
  ): RunResult {
    const points = this.#points();
    const failures = [...failuresOf({ points })].filter(([what]) => !expected.test(what));
    const found = { points, generators: this.#generators, watched: this.#watching.latest };
    return {
      format: 1,
      scenario,
      startedAt: new Date(this.#began).toISOString(),
      seconds: this.at(),
      options,
      machine: describeMachine(),
      ...found,
      notes: this.notes,
      figures,
      broken: [...this.broken, ...failures.map(([what, times]) => `${what} (${times} times)`)],
      bottleneck: judgeBottleneck(found),
    };
  }

  #points(): Point[] {
    const seconds = [...new Set([...this.#snapshots.keys(), ...this.#connected.keys()])];
    return seconds
      .sort((a, b) => a - b)
      .map((at) => ({
        at,
        snapshot: encodeSnapshot(addSnapshots(this.#snapshots.get(at) ?? [])),
        connected: this.#connected.get(at) ?? 0,
      }));
  }

  /** The last whole second, in a line. */
  #line(): string {
    const connected = [...this.#now.values()].reduce((sum, count) => sum + count, 0);
    const last = this.at() - 1;
    const kinds = [...addSnapshots(this.#snapshots.get(last) ?? [])].map(
      ([kind, { histogram, outcomes }]) => {
        const count = [...outcomes.values()].reduce((sum, each) => sum + each, 0);
        return `${kind} ${count}/s p99 ${summarize(histogram).p99} ms`;
      },
    );
    const busy = Object.entries(this.#watching.latest.processes).map(
      ([name, list]) => [name, list.at(-1)?.cpu ?? 0] as const,
    );
    const [name, cpu] = busy.reduce((one, other) => (other[1] > one[1] ? other : one), ["", 0]);
    const node = name === "" ? [] : [`${name} ${Math.round(cpu * 100)} % cpu`];
    return [`${this.at()} s`, `${connected} connected`, ...kinds, ...node].join(" · ");
  }
}
