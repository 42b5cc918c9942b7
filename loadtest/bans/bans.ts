/**
 * `bans`: from the moment a moderator reads `success`, no command of whoever was banned takes effect, and nothing
 * reaches its connections. One user on both gateways and several connections after the other.
 */
import { startTcpProxy } from "../../shared/testing/tcp-proxy.ts";
import { createHistogram, type Latencies, type Report, recordMs, round, summarize } from "../report.ts";
import type { Stage } from "../stage.ts";
import { type Arena, openArena } from "./arena.ts";
import type { Outcome } from "./moderator.ts";
import { ownWords, stopping, tryDuring } from "./outage.ts";
import { Person } from "./person.ts";
import { type Action, tryOnce } from "./trial.ts";

/** What the command line says about it. */
export interface BansOptions {
  /** Bans with all gateways alive. */
  trials: number;
  /** Of each: bans with a stopped gateway, bans with a cut Redis link, silences, deletions. */
  others: number;
  progress: (line: string) => void;
}

/** Persons of one outage. */
const AT_ONCE = 5;

/** A stop that ends before the lease does; every so manieth trial has one. */
const SHORT_STOP_MS = 500;
const SHORT_STOP_EVERY = 25;

const PROGRESS_EVERY = 100;

/** Runs it on a stage of its own. */
export async function runBans(stage: Stage, options: BansOptions): Promise<Report> {
  const { trials, others, progress } = options;
  const [near, far, ...workers] = await Promise.all([
    stage.startGateway(),
    stage.startGateway(),
    stage.startWorker(),
    stage.startWorker(),
  ]);
  const book = new Book();
  const arena = await openArena(stage, near, far);
  try {
    progress(`${trials} bans with both gateways alive`);
    await banAgainAndAgain(arena, book, options);
    const enforcement = await Promise.all(workers.map(({ ops }) => enforcementOf(ops)));
    progress(`${others} silences, ${others} deletions`);
    for (const action of ["user.silence", "user.delete"] as const) {
      for (let i = 0; i < others; i++) await tryAndNote(arena, book, await Person.come(arena), action);
    }
    progress(`${others} bans with a stopped gateway`);
    for (let i = 0; i < others; i += AT_ONCE) await banDuring(arena, book, stopping(arena), "stopped");
    progress(`${others} bans with a gateway that has lost Redis`);
    await banWithoutRedis(stage, arena, book, others);
    await book.judgeEffects(arena);
    return createReport(book, enforcement);
  } finally {
    await arena.close();
  }
}

/** Every second trial bans the one whom the trial before banned, and who has been let in again. */
async function banAgainAndAgain(arena: Arena, book: Book, { trials, progress }: BansOptions): Promise<void> {
  let before: Person | null = null;
  for (let trial = 1; trial <= trials; trial++) {
    if (before !== null) await arena.moderator.ask("user.reactivate", { id: before.id });
    const person: Person = await Person.come(arena, before?.payload);
    const stopMs = trial % SHORT_STOP_EVERY === 0 ? SHORT_STOP_MS : 0;
    await tryAndNote(arena, book, person, "user.ban", stopMs);
    before = before === null ? person : null;
    if (trial % PROGRESS_EVERY === 0) progress(`${trial} trials, ${book.faults.size} kinds of faults`);
  }
}

async function tryAndNote(
  arena: Arena,
  book: Book,
  person: Person,
  action: Action,
  stopMs = 0,
): Promise<void> {
  const outcome = await tryOnce(arena, person, action, stopMs);
  book.note(stopMs > 0 ? "paused" : action, person, outcome);
}

async function banDuring(arena: Arena, book: Book, outage: Parameters<typeof tryDuring>[2], kind: string) {
  const persons = await Promise.all(Array.from({ length: AT_ONCE }, () => Person.come(arena)));
  const outcomes = await tryDuring(arena, persons, outage);
  persons.forEach((person, i) => {
    book.note(kind, person, outcomes[i]!);
  });
}

async function banWithoutRedis(stage: Stage, arena: Arena, book: Book, others: number): Promise<void> {
  const ends: (() => unknown)[] = [];
  const { hostname, port } = new URL(stage.redisUrl);
  const proxy = await startTcpProxy(
    { teardown: (end) => void ends.push(end) },
    { host: hostname, port: Number(port) },
  );
  const redisUrl = new URL(stage.redisUrl);
  redisUrl.host = `127.0.0.1:${proxy.port}`;
  const lone = await stage.startGateway({ REDIS_URL: redisUrl.href });
  try {
    for (let i = 0; i < others; i += AT_ONCE) {
      // Turn about: the link is broken, or only silent.
      const begin = (i / AT_ONCE) % 2 === 0 ? proxy.freeze : proxy.cut;
      const outage = { begin, end: proxy.heal, isOwnWord: ownWords };
      await banDuring({ ...arena, far: lone }, book, outage, "cut off");
    }
  } finally {
    await lone.stop();
    for (const end of ends) end();
  }
}

/** What was found. */
class Book {
  readonly faults = new Map<string, number>();
  readonly times = new Map<string, ReturnType<typeof createHistogram>>();
  readonly #locked = new Set<string>();
  effects = 0;

  note(kind: string, person: Person, { error, sentAt, readAt }: Outcome): void {
    const times = this.times.get(kind) ?? createHistogram();
    this.times.set(kind, times);
    recordMs(times, readAt - sentAt);
    // A silenced user may still change its profile.
    if (kind !== "user.silence") this.#locked.add(person.id);
    if (error !== null) this.#fail(`${kind}: the moderator was told ${error}`);
    for (const fault of person.faults) this.#fail(`${kind}: ${fault}`);
  }

  /** Asks the database, after the last trial: whatever is late has had its time. */
  async judgeEffects({ records }: Arena): Promise<void> {
    const users = [...this.#locked];
    const late = await records.lateEffects(users);
    if (late > 0) this.faults.set("a command took effect after the ban", late);
    this.effects = await records.effects(users);
    if (this.effects < users.length) this.#fail("hardly a command took effect before: nothing was tried");
  }

  #fail(what: string): void {
    // Ids would make a kind of its own of each.
    const kind = what.replace(/[0-9a-f-]{36}/g, "…");
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }
}

/** From the worker's own clock: `[seconds in total, bans]`. */
async function enforcementOf(ops: string): Promise<[number, number]> {
  const text = await (await fetch(`${ops}/metrics`)).text();
  const read = (name: string) =>
    Number(
      new RegExp(`^foyer_core_ban_enforcement_seconds_${name}(?:{[^}]*})? (\\S+)$`, "m").exec(text)?.[1],
    );
  return [read("sum"), read("count")];
}

function createReport(book: Book, enforcement: [number, number][]): Report {
  const seconds = enforcement.reduce((sum, [each]) => sum + each, 0);
  const count = enforcement.reduce((sum, [, each]) => sum + each, 0);
  const kinds = [...book.times].map(([kind, times]): [string, Latencies] => [kind, summarize(times)]);
  const enforcementMs = round((seconds / count) * 1_000);
  return {
    scenario: `bans, ${book.effects} effects before them; enforced in ${enforcementMs} ms on average`,
    columns: ["from asked to answered", "count", "p50 ms", "p95 ms", "p99 ms", "max ms"],
    rows: kinds.map(([kind, { count, p50, p95, p99, max }]) => [kind, count, p50, p95, p99, max]),
    figures: { kinds: Object.fromEntries(kinds), effects: book.effects, enforcementMs },
    broken: [...book.faults].map(([what, times]) => `${what} (${times} times)`),
  };
}
