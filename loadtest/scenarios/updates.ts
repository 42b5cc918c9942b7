/**
 * `updates`: users who each hold two connections, on different gateways where there are two, write their profile on
 * one and watch it on the other. Checks that every update is answered, arrives once and in order, and is not lost,
 * even when a worker is killed meanwhile.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "../cluster.ts";
import { ask, inParallel, logIn } from "../guest.ts";
import { type Latencies, type Report, round, summarize } from "../report.ts";
import { createLedger, isSettled, missing } from "../update-ledger.ts";
import { type Book, createBook, sendUpdate, type UpdatingUser, watchUser } from "./updating-user.ts";

/** What the command line says about it. */
export interface UpdatesOptions {
  connections: number;
  seconds: number;
  /** Updates a second, in total. */
  rate: number;
  atOnce: number;
  /** How long what is outstanding at the end may take. */
  graceMs: number;
  /** Second at which a worker is killed; needs a cluster of our own. */
  killWorkerAt: number | undefined;
  progress: (line: string) => void;
}

const TICK_MS = 5;
/** With resends the end may move; it never moves further than this. */
const LONGEST_GRACE_MS = 30_000;
/** A rate that is missed by more is no longer the rate that was asked for. */
const LEAST_SHARE_OF_RATE = 0.9;

/** Runs it against a cluster. */
export async function runUpdates(target: Target, options: UpdatesOptions): Promise<Report> {
  const { connections, seconds, rate, atOnce, killWorkerAt, progress } = options;
  if (killWorkerAt !== undefined && target.workerPids === null) {
    throw new Error(
      "--kill-worker-at kills only workers of a cluster that this run starts itself: leave --url and --ready-file out",
    );
  }
  progress(`logging ${connections >> 1} guests in, twice each`);
  const book = createBook(killWorkerAt !== undefined);
  const users = await inParallel(connections >> 1, atOnce, (i) => logInTwice(target.urls, i));
  try {
    for (const user of users) watchUser(book, user);
    progress(`${rate} updates a second for ${seconds} s`);
    const began = performance.now();
    const lastSent = sendAtRate(book, users, rate, seconds).then(() => performance.now());
    if (killWorkerAt === undefined) await lastSent;
    else await Promise.all([lastSent, killWorker(book, target, killWorkerAt, progress)]);
    const tookSeconds = ((await lastSent) - began) / 1000;
    const { sent } = book;
    await settle(book, users, options.graceMs);
    progress("comparing with what the cluster has stored");
    await inParallel(users.length, atOnce, (i) => checkStored(book, users[i]!));
    return createReport(book, users, { ...options, perSecond: round(sent / tookSeconds) });
  } finally {
    for (const { sender, watcher } of users) {
      sender.connection.close();
      watcher.connection.close();
    }
  }
}

async function logInTwice(urls: readonly string[], index: number): Promise<UpdatingUser> {
  const clientId = randomUUID();
  const sender = await logIn(urls[index % urls.length]!, clientId);
  const watcher = await logIn(urls[(index + 1) % urls.length]!, clientId);
  if (sender.user !== watcher.user)
    throw new Error(`one client_id got two accounts: ${sender.user}, ${watcher.user}`);
  return { index, sender, watcher, ledger: createLedger() };
}

/** Each user has one update under way at most, so that a resent one never overwrites a newer one. */
async function sendAtRate(book: Book, users: UpdatingUser[], rate: number, seconds: number): Promise<void> {
  const began = performance.now();
  const total = Math.round(rate * seconds);
  let next = 0;
  while (book.sent < total) {
    const elapsed = performance.now() - began;
    if (elapsed > seconds * 1000) return;
    const due = Math.ceil((elapsed / 1000) * rate);
    for (let looked = 0; book.sent < due && book.sent < total && looked < users.length; looked++) {
      const user = users[next++ % users.length]!;
      if (user.ledger.underWay === null) sendUpdate(book, user);
    }
    await sleep(TICK_MS);
  }
  await sleep(Math.max(0, seconds * 1000 - (performance.now() - began)));
}

async function killWorker(
  book: Book,
  { workerPids }: Target,
  atSecond: number,
  progress: (line: string) => void,
): Promise<void> {
  await sleep(atSecond * 1000);
  const [pid] = (await workerPids?.()) ?? [];
  // 0 and below would mean whole groups of processes.
  if (!Number.isInteger(pid) || pid! <= 1) throw new Error("the ready file names no worker's pid");
  progress(`kill -9 ${pid} (a worker)`);
  process.kill(pid!, "SIGKILL");
  book.notes.push(`a worker killed at ${atSecond} s`);
}

/** Waits until all is answered and has arrived; a resend moves the end. */
async function settle(book: Book, users: UpdatingUser[], graceMs: number): Promise<void> {
  const began = performance.now();
  const end = () => Math.min(began + LONGEST_GRACE_MS, Math.max(began, book.lastResentAt) + graceMs);
  while (performance.now() < end() && !users.every(({ ledger }) => isSettled(ledger))) await sleep(50);
  for (const { ledger } of users) {
    for (const _ of missing(ledger)) book.fail("an update's user.updated never came");
    if (ledger.underWay !== null) book.fail("an update was never answered");
    else if (ledger.seen !== ledger.acknowledged)
      book.fail("the watching connection did not see the last state");
  }
}

async function checkStored(book: Book, { sender, ledger }: UpdatingUser): Promise<void> {
  if (sender.closed !== null || ledger.acknowledged === 0) return;
  try {
    const { profile } = (await ask(sender, "user.fetch", { id: sender.user })) as { profile: { n?: number } };
    // One that was never answered may have been stored all the same; that it went unanswered is told already.
    if (profile.n === ledger.acknowledged || profile.n === ledger.sent) return;
    book.fail(
      (profile.n ?? 0) < ledger.acknowledged
        ? "an acknowledged update was lost"
        : "user.fetch shows a state that nobody wrote",
    );
  } catch (error) {
    book.fail((error as Error).message);
  }
}

function createReport(
  book: Book,
  users: UpdatingUser[],
  { connections, rate, seconds, perSecond }: UpdatesOptions & { perSecond: number },
): Report {
  if (perSecond < rate * LEAST_SHARE_OF_RATE) {
    book.fail(
      `only ${perSecond} updates a second could be sent, of ${rate} asked for: answers came too slowly`,
    );
  }
  const superseded = users.reduce((sum, { ledger }) => sum + ledger.awaited.size - missing(ledger).length, 0);
  const figures = {
    connections,
    users: users.length,
    seconds,
    perSecond,
    sent: book.sent,
    resent: book.resent,
    superseded,
    answer: summarize(book.answers),
    fanOut: summarize(book.fanOut),
  };
  const row = (name: string, { count, p50, p95, p99, max }: Latencies) => [name, count, p50, p95, p99, max];
  return {
    scenario: [
      "updates",
      `${perSecond}/s of ${users.length} users`,
      `${book.resent} sent again`,
      ...book.notes,
    ].join(", "),
    columns: ["", "count", "p50 ms", "p95 ms", "p99 ms", "max ms"],
    rows: [row("answer", figures.answer), row("fan-out", figures.fanOut)],
    figures,
    broken: [...book.failures].map(([what, times]) => `${what} (${times} times)`),
  };
}
