/**
 * Answers of any size. A small one is an ordinary reply. A big one goes out in parts, no faster than its client
 * takes them: the gateway says on a channel of the answer's own how many parts it got rid of. So no node ever holds
 * the whole of it.
 */
import { randomUUID } from "node:crypto";
import { pause } from "../shared/backoff.ts";
import { closeCodes } from "../shared/protocol/close-codes.ts";
import { Refusal } from "../shared/protocol/errors.ts";
import { type FrameId, successEnd, successStart } from "../shared/protocol/frames.ts";
import type { RedisClient } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";
import type { Subscriptions } from "../shared/redis/subscriptions.ts";
import type { Answer, BigResult, CommandContext, Origin } from "./commands/context.ts";
import type { CoreMetrics } from "./metrics.ts";
import { Abandoned, PartSender } from "./part-sender.ts";
import type { ReplyWriter } from "./reply-writer.ts";

interface BigAnswersOptions {
  redis: RedisClient;
  subscriptions: Subscriptions;
  keys: Keys;
  writer: ReplyWriter;
  metrics: CoreMetrics;
  /** The worker stops: what is under way has a moment left. */
  signal: AbortSignal;
}

/** Characters of an ordinary reply at the most. */
export const MAX_REPLY = 256 * 1024;

/** Answers of one worker at once that are written as they are read: each holds a connection to Postgres. */
const MAX_AT_ONCE = 4;

/** Characters of answers that are there already and wait for their clients, beyond the first one. */
const MAX_WAITING = 32 * 1024 * 1024;

/** What a caller is told who may not have a big answer now. */
const RETRY_MS = 1_000;

/** Longest that a subscription is waited for. */
const SUBSCRIBE_MS = 1_000;

/** How long a user's turn outlasts its worker. */
const HOLD_MS = 15_000;
const RENEW_MS = 3_000;

/** The right to send an answer in parts: taken when it is known to be big, ended in any case. */
interface Turn {
  /** @throws Refusal `protocol.rate_limited` */
  take(): Promise<PartSender>;
  end(): Promise<void>;
}

/** Runs commands whose result may be big. */
export class BigAnswers {
  readonly #options: BigAnswersOptions;
  /** Those that go out in parts, by their channel. */
  readonly #open = new Map<string, PartSender>();
  /** How many of them are written as they are read. */
  #readings = 0;
  /** And how many characters the others have. */
  #waiting = 0;

  constructor(options: BigAnswersOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => {
      for (const sender of this.#open.values()) sender.hurry();
    });
  }

  /**
   * Has a result written, and gives the answer: all of it, or the last part.
   *
   * @throws Refusal `protocol.rate_limited` when it is big, and the user or the worker has such answers under way
   */
  async answer(
    context: CommandContext,
    user: string,
    id: FrameId | undefined,
    result: BigResult,
  ): Promise<Answer> {
    return await this.#send(context, id, result, this.#usersTurn(context, user));
  }

  /**
   * Gives the answer with a result of more than `MAX_REPLY` characters that is there already, as a page of large
   * profiles is: as one frame it would be more than a gateway buffers for a client.
   *
   * @throws Refusal `protocol.rate_limited` when too many of them wait for their clients
   */
  async whole(context: CommandContext, id: FrameId | undefined, result: string): Promise<Answer> {
    const turn = this.#memoryTurn(context, result.length);
    return await this.#send(context, id, (write) => write([result]).then(() => {}), turn);
  }

  async #send(
    context: CommandContext,
    id: FrameId | undefined,
    result: BigResult,
    turn: Turn,
  ): Promise<Answer> {
    let pieces = [successStart(id)];
    let characters = 0;
    let sender: PartSender | null = null;
    try {
      await result(async (more) => {
        if (sender !== null) return await sender.write(more);
        pieces.push(...more);
        for (const piece of more) characters += piece.length;
        if (characters <= MAX_REPLY) return true;
        sender = await turn.take();
        const early = pieces;
        pieces = [];
        return await sender.write(early);
      });
      // An assignment in a callback is lost on the compiler.
      const big = sender as PartSender | null;
      if (big === null) return { frame: `${pieces.join("")}${successEnd}`, effect: null };
      return { frame: "", effect: null, part: await big.end(successEnd) };
    } catch (error) {
      // Half of it is out: neither another try nor an error would find its place.
      if (sender === null) throw error;
      const { services, commandId } = context;
      const code = error instanceof Abandoned ? error.code : closeCodes.restart;
      services.log.warn(
        { commandId, closeCode: code, reason: (error as Error).message },
        "big answer given up",
      );
      return { frame: "", effect: { kind: "close", code } };
    } finally {
      await turn.end();
    }
  }

  /** A place on this worker, and the user's only one in the cluster. */
  #usersTurn({ world, commandId, origin }: CommandContext, user: string): Turn {
    const { redis, keys } = this.#options;
    const run = randomUUID();
    // The command holds it, not the run: claimed from a dead worker, it is not refused for what that one still holds.
    const hold = (ms: number) => runScript(redis, "hold", keys.bigAnswer(world.id, user), commandId, ms);
    let isTaken = false;
    let renewing: NodeJS.Timeout | undefined;
    const take = async () => {
      if (this.#readings >= MAX_AT_ONCE) throw tooMany();
      isTaken = true;
      this.#readings++;
      if ((await hold(HOLD_MS)) === 0) throw tooMany();
      renewing = setInterval(() => hold(HOLD_MS).catch(() => {}), RENEW_MS);
      return await this.#begin(origin, run);
    };
    const end = async () => {
      clearInterval(renewing);
      if (!isTaken) return;
      this.#readings--;
      this.#finish(run);
      // Where Redis is away, it ends by itself.
      await hold(0).catch(() => {});
    };
    return { take, end };
  }

  /** Room for an answer that is there already. */
  #memoryTurn({ origin }: CommandContext, characters: number): Turn {
    const run = randomUUID();
    let taken = 0;
    const take = async () => {
      // However large one is, alone it may go.
      if (this.#waiting > 0 && this.#waiting + characters > MAX_WAITING) throw tooMany();
      taken = characters;
      this.#waiting += taken;
      return await this.#begin(origin, run);
    };
    const end = async () => {
      this.#waiting -= taken;
      this.#finish(run);
    };
    return { take, end };
  }

  /** Makes what sends the parts of a run, and listens to how many its client has taken. */
  async #begin(origin: Origin, run: string): Promise<PartSender> {
    const { subscriptions, keys, writer, metrics, signal } = this.#options;
    const sender = new PartSender((part) => writer.writePart(origin, origin.n, part), run);
    const channel = keys.answerChannel(run);
    this.#open.set(channel, sender);
    if (signal.aborted) sender.hurry();
    const heard = new Promise<void>((resolve) => {
      const onMessage = (parts: Buffer) => {
        if (!sender.acknowledged(parts.length > 16 ? Number.NaN : Number(parts.toString())))
          metrics.unreadable.inc({ kind: "answer" });
      };
      subscriptions.add(channel, { onMessage, onSubscribed: () => resolve() });
    });
    // What the gateway says before it is heard, it says again.
    await Promise.race([heard, pause(SUBSCRIBE_MS, signal)]);
    return sender;
  }

  #finish(run: string): void {
    const { subscriptions, keys } = this.#options;
    const channel = keys.answerChannel(run);
    if (this.#open.delete(channel)) subscriptions.drop(channel);
  }
}

function tooMany(): Refusal {
  return new Refusal("protocol.rate_limited", { retry_after_ms: RETRY_MS });
}
