/**
 * One generator: holds members and has them do what plans say. It runs in a process of its own (`process.ts`), so
 * that several share the work, and in tests also without.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Kind } from "../dialects/dialect.ts";
import { speakEcho } from "../dialects/echo.ts";
import { speakFoyer } from "../dialects/foyer.ts";
import { speakPusher } from "../dialects/pusher.ts";
import { speakSocketIo } from "../dialects/socket-io.ts";
import { openConnection } from "../frame-client.ts";
import { inParallel } from "../guest.ts";
import { loginOf } from "../logins.ts";
import { Recorder } from "../recorder.ts";
import { sourceAddress } from "../source-address.ts";
import { Group, type Joined } from "./group.ts";
import type { Acts, ClosedPlan, DialectName, JoinPlan, OpenPlan, TellPlan, Tick } from "./plans.ts";

const TICK_MS = 1_000;
/** A timer's shortest: what is due meanwhile goes out together, and its lateness counts. */
const PACE_MS = 1;
const LOOK_EVERY_MS = 10;
const CLOSE_MS = 5_000;
/** Of those who come back and find nobody, or are told "later". */
const AGAIN_MS = 500;
const MOST_ATTEMPTS = 40;
/** What no later attempt changes. */
const FINAL = /^(auth\.|world\.unknown)/;

export class Generator implements Acts {
  readonly #recorder = new Recorder();
  readonly #groups = new Map<string, Group>();
  readonly #onTick: (tick: Tick) => void;
  readonly #ticking: NodeJS.Timeout;
  readonly #delay = monitorEventLoopDelay({ resolution: 5 });
  #cpu = process.cpuUsage();
  #tickedAt = performance.now();
  #stopped = false;

  /** @param onTick told every second what has happened since */
  constructor(onTick: (tick: Tick) => void) {
    this.#onTick = onTick;
    this.#delay.enable();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  async join(plan: JoinPlan): Promise<{ joined: number; seconds: number }> {
    const group = this.#groups.get(plan.group) ?? new Group(createDialect(plan.dialect), this.#recorder);
    this.#groups.set(plan.group, group);
    const members = Array.from({ length: plan.count }, (_, i) => {
      const index = plan.first + i;
      const user = Math.floor(index / plan.tabs);
      return group.add({ index, user, leads: index % plan.tabs === 0, login: loginOf(plan.people, user) });
    });
    const began = performance.now();
    const isOver = () =>
      this.#stopped || performance.now() - began > (plan.seconds ?? Number.POSITIVE_INFINITY) * 1000;
    let joined = 0;
    const one = async (joining: Joined, due: number) => {
      if (await this.#enter(group, joining, plan, plan.label ?? "join", due)) joined++;
    };
    if ("atOnce" in plan.pace) {
      await inParallel(plan.count, plan.pace.atOnce, (i) => one(members[i]!, performance.now()), isOver);
    } else {
      const under: Promise<void>[] = [];
      await atRate(plan.pace.rate, plan.count, isOver, (i, due) => void under.push(one(members[i]!, due)));
      await Promise.all(under);
    }
    return this.#done({ joined, seconds: (performance.now() - began) / 1000 });
  }

  async closed({ group: name, kinds, warmUpMs, measureMs, graceMs }: ClosedPlan) {
    const group = this.#group(name);
    group.take();
    let measured = 0;
    let isSending = true;
    group.records = false;
    group.onAnswered = (joined, outcome) => {
      if (outcome === "success") measured++;
      if (isSending) send(joined);
    };
    const send = (joined: Joined) =>
      group.ask(joined, kinds[joined.turn++ % kinds.length]!, performance.now());
    for (const joined of group.connected()) {
      joined.turn = joined.member.index;
      send(joined);
    }
    await sleep(warmUpMs);
    group.records = true;
    measured = 0;
    const began = performance.now();
    await sleep(measureMs);
    const rate = measured / ((performance.now() - began) / 1000);
    group.records = false;
    isSending = false;
    await this.#settle(group, graceMs);
    group.records = true;
    group.onAnswered = () => {};
    return this.#done({ rate, snapshot: group.take() });
  }

  async open(plan: OpenPlan) {
    const group = this.#group(plan.group);
    group.take();
    const victims = plan.victims === undefined ? [] : this.#group(plan.victims).connected();
    let sent = 0;
    const pace = async (kind: Kind, rate: number) => {
      await atRate(
        rate,
        Math.round(rate * plan.seconds),
        () => this.#stopped,
        (_, due) => {
          const other = kind === "ban" ? victims.pop()?.member : undefined;
          if (kind === "ban" && other === undefined) return;
          group.askNext(kind, due, other);
          sent++;
        },
      );
    };
    await Promise.all(
      Object.entries(plan.rates).map(([kind, rate]) => (rate > 0 ? pace(kind as Kind, rate) : undefined)),
    );
    const unanswered = await this.#settle(group, plan.graceMs);
    return this.#done({ sent, unanswered, snapshot: group.take() });
  }

  async tell({ group: name, warmUpMs, measureMs, graceMs }: TellPlan) {
    const group = this.#group(name);
    const teller = group.connected()[0];
    if (teller === undefined) throw new Error("nobody is there to tell anything");
    group.take();
    let heard = 0;
    let messages = 0;
    group.onNews = () => void heard++;
    const began = performance.now();
    let from = began;
    group.records = false;
    for (let warm = false; performance.now() - began < warmUpMs + measureMs; ) {
      if (!warm && performance.now() - began >= warmUpMs) {
        warm = true;
        group.records = true;
        heard = 0;
        messages = 0;
        from = performance.now();
      }
      messages++;
      await group.tellAll(teller, graceMs);
    }
    const seconds = (performance.now() - from) / 1000;
    group.onNews = () => {};
    return this.#done({ messages, heard, seconds, snapshot: group.take() });
  }

  async leave({ group: name }: { group: string }): Promise<{ left: number }> {
    const group = this.#groups.get(name);
    if (group === undefined) return { left: 0 };
    const left = group.leave();
    for (const end = performance.now() + CLOSE_MS; group.size() > 0 && performance.now() < end; )
      await sleep(LOOK_EVERY_MS);
    this.#groups.delete(name);
    return this.#done({ left });
  }

  async count({ group }: { group: string }): Promise<{ connected: number }> {
    return { connected: this.#groups.get(group)?.size() ?? 0 };
  }

  async stop(): Promise<object> {
    this.#stopped = true;
    return {};
  }

  /** It is not used any more. */
  end(): void {
    clearInterval(this.#ticking);
    this.#delay.disable();
    for (const group of this.#groups.values()) group.leave();
  }

  /** Opens and logs in; false when that failed, which is counted. */
  async #enter(group: Group, joined: Joined, plan: JoinPlan, label: string, due: number): Promise<boolean> {
    const { member } = joined;
    const { urls } = plan;
    try {
      const base = urls[(member.index + joined.attempts) % urls.length]!;
      const url = group.dialect.url(base, member);
      const connection = await openConnection(url, { localAddress: sourceAddress(url, member.index) });
      this.#recorder.record("connect", "success", performance.now() - due);
      try {
        await group.dialect.enter(connection, member);
      } catch (error) {
        connection.close();
        throw error;
      }
      this.#recorder.record(label, "success", performance.now() - due);
      joined.attempts = 0;
      group.connect(joined, connection, (code) => this.#sentAway(group, joined, plan, code));
      return true;
    } catch (error) {
      const why = (error as Error).message;
      this.#recorder.record(label, why, 0);
      if (label === "come back" && !FINAL.test(why)) this.#comeBack(group, joined, plan, AGAIN_MS);
      else group.remove(joined, why);
      return false;
    }
  }

  #sentAway(group: Group, joined: Joined, plan: JoinPlan, code: number): void {
    if (plan.comeBackMs === undefined) {
      this.#recorder.record("connection", `closed with ${code}`, 0);
      return group.remove(joined, `closed with ${code}`);
    }
    this.#comeBack(group, joined, plan, plan.comeBackMs * Math.random());
  }

  #comeBack(group: Group, joined: Joined, plan: JoinPlan, waitMs: number): void {
    if (++joined.attempts > MOST_ATTEMPTS) return group.remove(joined, "gave up coming back");
    const due = performance.now() + waitMs;
    setTimeout(() => void this.#enter(group, joined, plan, "come back", due), waitMs);
  }

  /** Waits for what is under way. @returns how much of it never came */
  async #settle(group: Group, graceMs: number): Promise<number> {
    for (const end = performance.now() + graceMs; group.under() > 0 && performance.now() < end; )
      await sleep(LOOK_EVERY_MS);
    return group.giveUp();
  }

  #group(name: string): Group {
    const group = this.#groups.get(name);
    if (group === undefined) throw new Error(`there is no group ${name}`);
    return group;
  }

  #tick(): void {
    const connected = [...this.#groups.values()].reduce((sum, group) => sum + group.size(), 0);
    const tick = { at: Date.now(), snapshot: this.#recorder.take(), connected };
    const elapsed = performance.now() - this.#tickedAt;
    if (elapsed < TICK_MS / 2) return this.#onTick({ ...tick, cpu: null, delayMs: 0 });
    this.#tickedAt += elapsed;
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    const delayMs = this.#delay.percentile(99) / 1e6;
    this.#delay.reset();
    this.#onTick({ ...tick, cpu: (user + system) / 1000 / elapsed, delayMs });
  }

  /** What an act found is told before its result. */
  #done<T>(result: T): T {
    this.#tick();
    return result;
  }
}

/** Does `act` so many times, each when it is due, however late that is noticed. */
async function atRate(
  rate: number,
  count: number,
  isOver: () => boolean,
  act: (i: number, due: number) => void,
): Promise<void> {
  const began = performance.now();
  for (let i = 0; i < count && !isOver(); ) {
    const due = Math.min(count, Math.floor(((performance.now() - began) * rate) / 1000) + 1);
    for (; i < due; i++) act(i, began + (i * 1000) / rate);
    await sleep(PACE_MS);
  }
}

function createDialect(chosen: DialectName) {
  switch (chosen.name) {
    case "foyer":
      return speakFoyer(chosen.searches);
    case "echo":
      return speakEcho(chosen.bytes);
    case "socket.io":
      return speakSocketIo(chosen.bytes, chosen.event);
    case "pusher":
      return speakPusher(chosen.bytes);
  }
}
