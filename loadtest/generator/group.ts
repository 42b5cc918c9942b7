/** Members that speak one dialect: what each has under way, and what each is still to hear of. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Dialect, Kind, Member } from "../dialects/dialect.ts";
import type { Connection } from "../frame-client.ts";
import { Recorder, type Snapshot } from "../recorder.ts";

/** What a member has asked for. */
interface Asked {
  kind: Kind;
  /** By `performance.now()`. */
  due: number;
  other: Member;
  frame: string;
}

/** A member, and what is known of it here. */
export interface Joined {
  member: Member;
  asked: Map<number, Asked>;
  /** For whose turn it is. */
  turn: number;
  /** To come back, since it was last connected. */
  attempts: number;
  /** Its place among those who are connected. */
  slot: number;
}

/** What others are to hear: since when it is due, and how many have not. */
interface Told {
  due: number;
  left: number;
}

const LOOK_EVERY_MS = 1;

export class Group {
  readonly dialect: Dialect;
  /** Whether what is answered counts: not while all warms up. */
  records = true;
  onAnswered: (joined: Joined, outcome: string) => void = () => {};
  onNews: () => void = () => {};
  readonly #recorder: Recorder;
  /** The same of this group alone, since the last `take`. */
  readonly #own = new Recorder();
  readonly #connected: Joined[] = [];
  /** By user, those who are connected. */
  readonly #byUser = new Map<number, number>();
  readonly #told = new Map<number, Told>();
  #n = 0;
  #next = 0;
  #under = 0;
  #isLeaving = false;
  #heardAll = () => {};

  constructor(dialect: Dialect, recorder: Recorder) {
    this.dialect = dialect;
    this.#recorder = recorder;
  }

  add(who: Pick<Member, "index" | "user" | "leads" | "login">): Joined {
    const member = { ...who, connection: null, id: "" };
    return { member, asked: new Map(), turn: 0, attempts: 0, slot: -1 };
  }

  /** Takes a connection that is logged in; what was under way on the last one is sent again. */
  connect(joined: Joined, connection: Connection, sentAway: (code: number) => void): void {
    const { member, asked } = joined;
    member.connection = connection;
    joined.slot = this.#connected.push(joined) - 1;
    this.#byUser.set(member.user, (this.#byUser.get(member.user) ?? 0) + 1);
    connection.onMessage = (text) => this.#hear(joined, text);
    connection.onClose = (code) => {
      this.#disconnect(joined);
      if (!this.#isLeaving) sentAway(code);
    };
    if (this.#isLeaving) connection.close();
    for (const { frame } of asked.values()) connection.send(frame);
  }

  /** It does not come back. */
  remove({ asked }: Joined, why: string): void {
    for (const { kind } of asked.values()) this.#record(kind, why, 0);
    this.#under -= asked.size;
    asked.clear();
  }

  /** What happened here since the last time. */
  take(): Snapshot {
    return this.#own.take();
  }

  /** Those who are connected. */
  connected(): Joined[] {
    return [...this.#connected];
  }

  size(): number {
    return this.#connected.length;
  }

  /** What is under way, and what is still to be heard. */
  under(): number {
    return this.#under + this.#told.size;
  }

  /** The next member asks; what others of its user are to hear of, the next who leads. */
  askNext(kind: Kind, due: number, other?: Member): void {
    let joined = this.#connected[this.#next++ % Math.max(1, this.#connected.length)];
    const isTold = kind === "tell" || kind === "update";
    for (
      let looked = 0;
      isTold && joined?.member.leads === false && looked < this.#connected.length;
      looked++
    )
      joined = this.#connected[this.#next++ % this.#connected.length];
    if (joined === undefined) return this.#record(kind, "nobody is connected", 0);
    this.ask(joined, kind, due, other);
  }

  /** @param other whom it is about; left out: whoever comes next */
  ask(joined: Joined, kind: Kind, due: number, other?: Member): void {
    const { member, asked } = joined;
    const n = ++this.#n;
    const about = other ?? this.#connected[n % this.#connected.length]!.member;
    const frame = this.dialect.frame(kind, n, member, about);
    if (this.dialect.isAnswered(kind)) {
      asked.set(n, { kind, due, other: about, frame });
      this.#under++;
    }
    const others = this.#byUser.get(member.user)! - 1;
    if ((kind === "tell" || kind === "update") && others > 0) this.#told.set(n, { due, left: others });
    member.connection!.send(frame);
  }

  /** Has one tell all others of its user; resolves once they have heard it. */
  async tellAll(joined: Joined, graceMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("not all heard what they were told")), graceMs);
      this.#heardAll = () => {
        clearTimeout(timer);
        resolve();
      };
      this.ask(joined, "tell", performance.now());
      if (this.under() === 0) this.#heardAll();
    });
    while (this.under() > 0) await sleep(LOOK_EVERY_MS);
  }

  /** What never came is counted as such. @returns how much that is */
  giveUp(): number {
    let missing = this.#under;
    for (const { asked } of this.#connected) {
      for (const { kind } of asked.values()) this.#record(kind, "never answered", 0);
      asked.clear();
    }
    this.#under = 0;
    for (const { left } of this.#told.values()) {
      missing += left;
      for (let i = 0; i < left; i++) this.#record("delivery", "never came", 0);
    }
    this.#told.clear();
    return missing;
  }

  /** Says goodbye. @returns to how many */
  leave(): number {
    this.#isLeaving = true;
    for (const { member } of this.#connected) member.connection?.close();
    return this.#connected.length;
  }

  #record(kind: string, outcome: string, ms: number): void {
    this.#recorder.record(kind, outcome, ms);
    this.#own.record(kind, outcome, ms);
  }

  #hear(joined: Joined, text: string): void {
    const heard = this.dialect.hear(text, joined.member);
    if (heard === null) return;
    const now = performance.now();
    if ("news" in heard) return this.#hearNews(heard.news, now);
    const asked = joined.asked.get(heard.n);
    if (asked === undefined) return this.#record("stray", "an answer to nothing under way", 0);
    joined.asked.delete(heard.n);
    this.#under--;
    const wrong = heard.outcome === "success" ? this.dialect.judge?.(asked.kind, text, asked.other) : null;
    const outcome = wrong ?? heard.outcome;
    // What went wrong counts whenever it does.
    if (this.records || outcome !== "success") this.#record(asked.kind, outcome, now - asked.due);
    this.onAnswered(joined, outcome);
    if (this.under() === 0) this.#heardAll();
  }

  #hearNews(n: number, now: number): void {
    const told = this.#told.get(n);
    if (told === undefined) return this.#record("stray", "news of nothing under way", 0);
    if (this.records) this.#record("delivery", "success", now - told.due);
    this.onNews();
    if (--told.left > 0) return;
    this.#told.delete(n);
    if (this.under() === 0) this.#heardAll();
  }

  #disconnect(joined: Joined): void {
    const { member } = joined;
    member.connection = null;
    const last = this.#connected.pop()!;
    if (last !== joined) this.#connected[joined.slot] = last;
    last.slot = joined.slot;
    this.#byUser.set(member.user, this.#byUser.get(member.user)! - 1);
  }
}
