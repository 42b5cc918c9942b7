/**
 * Runs the commands of one reading together: they share their reads, a bug in one leaves the others alone, and
 * an entry is finished when the last of its commands is answered.
 */
import { backoffMs, pause } from "../shared/backoff.ts";
import type { CommandReport } from "../shared/command-reports.ts";
import type { Command } from "../shared/envelope.ts";
import { errorBody, Refusal } from "../shared/protocol/errors.ts";
import { errorFrame, type FrameId, outcomeOf } from "../shared/protocol/frames.ts";
import { operatorActionOf } from "../shared/protocol/operator-commands.ts";
import { isRedisAway } from "../shared/redis/connect.ts";
import { AccountReads, type BegunRead, looksLikeRead } from "./account-reads.ts";
import { MAX_REPLY } from "./big-answer.ts";
import { type Answer, CommandContext, type Services } from "./commands/context.ts";
import type { GatewayContext } from "./commands/gateway-commands.ts";
import { runOperatorCommand } from "./commands/operator-commands.ts";
import type { Entry } from "./entry-reader.ts";
import { createLoaders, type Loaders } from "./loaders.ts";
import type { CoreMetrics } from "./metrics.ts";
import type { RedisClock } from "./redis-clock.ts";
import type { ReplyWriter } from "./reply-writer.ts";
import { fatalAnswer, type Outbox, parseRequest, runCommand, runGatewayCommand } from "./run-command.ts";
import { isConflict, isDatabaseAway } from "./sql/database.ts";

/** What running commands takes. */
export interface Runner {
  services: Services;
  writer: ReplyWriter;
  outbox: Outbox;
  metrics: CoreMetrics;
  /** Of each command stream. */
  clocks: readonly RedisClock[];
  report: CommandReport;
  /** Ends waiting for a store that is away. */
  signal: AbortSignal;
}

/** Runs the commands of these entries; resolves when all are answered. Never rejects. */
export async function runBatch(runner: Runner, entries: readonly Entry[]): Promise<void> {
  const loaders = createLoaders(runner.services.sql);
  const reads = new AccountReads(runner.services.sql, runner.services.accounts);
  await Promise.all(entries.map((entry) => runEntry(runner, loaders, reads, entry)));
}

async function runEntry(runner: Runner, loaders: Loaders, reads: AccountReads, entry: Entry): Promise<void> {
  const { commands, sentAt } = entry.envelope;
  const started = performance.now();
  runner.metrics.queueWait.observe(Math.max(0, Date.now() - sentAt) / 1000);
  const isLate = isTooLate(runner, entry);
  const answerAlone = async (command: Command, place: number) => {
    const answer = await answerCommand(runner, loaders, entry, command, place, isLate ? runLate : runOne);
    entry.unanswered--;
    if (answer !== null) runner.writer.reply(entry.envelope, { n: command.n, ...answer });
    return answer !== null;
  };
  const begun: [command: Command, place: number, read: BegunRead][] = [];
  const alone: Promise<boolean>[] = [];
  for (const [place, command] of commands.entries()) {
    const read = isLate ? null : beginRead(runner, reads, command);
    if (read === null) alone.push(answerAlone(command, place));
    else begun.push([command, place, read]);
  }
  if (begun.length > 0) {
    const hasRead = await reads.read().then(
      () => true,
      // Each is tried again by itself, for as long as somebody waits for it.
      () => false,
    );
    for (const [command, place, read] of begun) {
      const frame = hasRead ? finishRead(reads, read) : null;
      if (frame === null) alone.push(answerAlone(command, place));
      else {
        entry.unanswered--;
        runner.writer.reply(entry.envelope, { n: command.n, frame, effect: null });
        runner.metrics.observe(read.name, { frame }, started);
        tellOf(runner, entry, command, read.name, frame, started);
      }
    }
  }
  const answered = await Promise.all(alone);
  // One that was given up because this worker stops is another worker's.
  if (answered.every(Boolean)) {
    runner.writer.finish({ stream: entry.stream, id: entry.id, commands: commands.length });
  }
}

/** Begins a command that can be answered out of what the batch reads; null where it cannot. */
function beginRead({ services }: Runner, reads: AccountReads, command: Command): BegunRead | null {
  if (command.user === null || command.connection === 0 || !looksLikeRead(command.frame)) return null;
  const world = services.worlds.peek(command.world);
  if (world === undefined) return null;
  try {
    return reads.begin(parseRequest(command.frame), command.user, world);
  } catch {
    // Alone it is found out what that is.
    return null;
  }
}

/** @returns the answer; null when it cannot be given, or is one that goes out in parts */
function finishRead(reads: AccountReads, read: BegunRead): string | null {
  try {
    const frame = reads.answer(read, Date.now());
    return frame.length > MAX_REPLY ? null : frame;
  } catch (error) {
    // Alone it is found out what that is.
    return error instanceof Refusal ? errorFrame(read.id, errorBody(error.code, error.details)) : null;
  }
}

/**
 * Whether the commands' clients have all been told that the outcome is unknown: running them now would cost the
 * time that others still wait for. One that was delivered before may have taken effect, and somebody has to be told.
 */
function isTooLate({ services, clocks }: Runner, { stream, id, deliveries }: Entry): boolean {
  const now = clocks[stream]!.now();
  const addedAt = Number(id.slice(0, id.indexOf("-")));
  return deliveries === 1 && now !== null && now - addedAt > services.settings.FOYER_COMMAND_TIMEOUT_MS;
}

/** The gateway's own commands and an operator's have times of their own. */
const runLate: typeof runOne = async (runner, loaders, entry, command, place, request) => {
  if (command.connection === 0) return await runOne(runner, loaders, entry, command, place, request);
  runner.metrics.expired.inc();
  return timeoutAnswer(request.id);
};

/** @returns null when the worker stops before there is an answer */
async function answerCommand(
  runner: Runner,
  loaders: Loaders,
  entry: Entry,
  command: Command,
  place: number,
  run: typeof runOne,
): Promise<Answer | null> {
  const { services, metrics, signal } = runner;
  const started = performance.now();
  let name = "unknown";
  let id: FrameId | undefined;
  for (let attempt = 0; ; attempt++) {
    try {
      const request = parseRequest(command.frame);
      name = metrics.knownCommand(request.action);
      id = request.id;
      // What the batch remembers is as old as the failure: another attempt reads anew.
      const reads = attempt === 0 ? loaders : createLoaders(services.sql);
      const answer = await run(runner, reads, entry, command, place, request);
      metrics.observe(name, answer, started);
      tellOf(runner, entry, command, name, answer.frame, started);
      return answer;
    } catch (error) {
      const away = isDatabaseAway(error) || isRedisAway(error) || isConflict(error);
      // After that its client has been told that the outcome is unknown, and has sent it again.
      const maxWaitMs = services.settings.FOYER_COMMAND_TIMEOUT_MS;
      if (away && performance.now() - started < maxWaitMs && !signal.aborted) {
        await pause(backoffMs(attempt, 50, 1_000), signal);
        continue;
      }
      if (away && signal.aborted) return null;
      const answer = away ? timeoutAnswer(id) : fatalAnswer();
      const commandId = `${entry.envelope.gateway}.${command.n}`;
      const fields = { command: name, commandId, world: command.world, error };
      if (away) services.log.warn(fields, "command given up: a store is away, or too slow");
      else services.log.error(fields, "command failed");
      metrics.observe(name, answer, started);
      tellOf(runner, entry, command, name, answer.frame, started);
      return answer;
    }
  }
}

/** Reports a client's command, where somebody wants to know. */
function tellOf(
  { report }: Runner,
  { envelope }: Entry,
  { n, connection, world }: Command,
  command: string,
  frame: Answer["frame"],
  startedAt: number,
): void {
  if (report === null || connection === 0) return;
  report({ commandId: `${envelope.gateway}.${n}`, command, world, outcome: outcomeOf(frame), startedAt });
}

/** What the client was told already: the outcome is unknown. */
function timeoutAnswer(id: FrameId | undefined): Answer {
  return { frame: errorFrame(id, errorBody("server.timeout")), effect: null };
}

async function runOne(
  { services, outbox, writer }: Runner,
  loaders: Loaders,
  entry: Entry,
  command: Command,
  place: number,
  request: ReturnType<typeof parseRequest>,
): Promise<Answer> {
  const { connection, n, loginVersion } = command;
  const { gateway, reads } = entry.envelope;
  const origin = { gateway, reads, connection, n, loginVersion, entryId: entry.id, place };
  const isOperator = connection === 0 && operatorActionOf(request.action) !== undefined;
  if (connection === 0 && !isOperator) {
    const share: ReplyWriter["share"] = (text) => writer.share(text);
    const userChanged: GatewayContext["userChanged"] = (context, user) =>
      outbox.userChanged(context, user, { shown: true, access: false });
    return await runGatewayCommand(
      { services, loaders, world: command.world, now: Date.now(), share, origin, userChanged },
      request,
    );
  }
  // An operator may name what the world was given a moment ago.
  const world = isOperator
    ? await services.worlds.getLatest(command.world)
    : (services.worlds.peek(command.world) ?? (await services.worlds.get(command.world)));
  if (world === undefined) {
    return {
      frame: errorFrame(request.id, errorBody("world.unknown_world")),
      effect: { kind: "close", code: 1008 },
    };
  }
  const context = new CommandContext(services, loaders, world, origin);
  return isOperator
    ? await runOperatorCommand(context, request, outbox)
    : await runCommand(context, command, request, outbox);
}
