/**
 * Speaks to a worker as a gateway does, through real Redis streams: for tests of what only a chosen order, a
 * repeated entry or a forged one can show.
 */
import {
  type Command,
  decodeReplies,
  decodeUserBroadcast,
  encodeCommands,
  type Reply,
  type UserBroadcast,
} from "../../shared/envelope.ts";
import { createLog } from "../../shared/log.ts";
import { connectRedis } from "../../shared/redis/connect.ts";
import { createKeys } from "../../shared/redis/keys.ts";
import { runScript } from "../../shared/redis/lua.ts";

/** A gateway's end of the wire. */
export type Wire = Awaited<ReturnType<typeof openWire>>;

/** Answers are waited for so long. */
const DEADLINE_MS = 10_000;

/** Later than every id of a stream. */
const FOREVER = "99999999999999-0";

export async function openWire(redisUrl: string, prefix: string, gateway = "gateway-under-test") {
  const keys = createKeys(prefix);
  const log = createLog("silent");
  const redis = connectRedis(redisUrl, "commands", log);
  const blocking = connectRedis(redisUrl, "blocking", log);
  const subscriber = connectRedis(redisUrl, "subscriber", log);
  await Promise.all(
    [redis, blocking, subscriber].map((link) => new Promise((resolve) => link.once("ready", resolve))),
  );
  // Registrations of a gateway without a lease are taken back.
  await redis.zadd(keys.leases("gateway"), Date.now() + 3_600_000, gateway);
  // It has no connections, so that it enforces every fence there will ever be.
  await redis.hset(keys.fencesConfirmed(), gateway, FOREVER);
  const waiting = new Map<number, (reply: Reply) => void>();
  let last = "0-0";
  let n = 0;
  let open = true;

  const read = async () => {
    while (open) {
      const result = (await blocking.xreadBuffer("BLOCK", 500, "STREAMS", keys.replyStream(gateway), last)) as
        | [Buffer, [Buffer, Buffer[]][]][]
        | null;
      for (const [id, fields] of result?.[0]?.[1] ?? []) {
        last = id.toString();
        for (const reply of decodeReplies(fields[1]!)) {
          waiting.get(reply.n)?.(reply);
          waiting.delete(reply.n);
        }
      }
    }
  };
  const reading = read();

  const entryOf = (commands: Partial<Command>[]) => {
    const full = commands.map(
      (c): Command => ({
        n: ++n,
        connection: 1,
        world: "w",
        user: null,
        frame: "[]",
        address: null,
        loginVersion: null,
        ...c,
      }),
    );
    const replies = full.map((c) => reply(c.n));
    return { full, replies, bytes: encodeCommands({ gateway, sentAt: Date.now(), commands: full }) };
  };

  /** Adds one entry; resolves with its id and the answers to its commands. */
  const send = async (commands: Partial<Command>[]) => {
    const { full, replies, bytes } = entryOf(commands);
    const [stream, backlog] = [keys.commandStream(0), keys.backlog(0)];
    const added = await runScript(redis, "add-entry", stream, backlog, bytes, full.length, 0);
    const [id] = added as [string, number];
    return { id, replies: Promise.all(replies) };
  };

  /**
   * Adds one entry that a worker reads which is never heard of again: it is claimed seconds later, after all that is
   * sent meanwhile. Resolves once it has its place in the stream.
   */
  const sendLate = async (commands: Partial<Command>[]) => {
    const { replies, bytes } = entryOf(commands);
    const stream = keys.commandStream(0);
    const transaction = redis.multi();
    transaction.xadd(stream, "*", "e", bytes);
    transaction.call("XREADGROUP", "GROUP", "core", "dead-worker", "COUNT", 10, "STREAMS", stream, ">");
    const [added] = (await transaction.exec())!;
    return { id: String(added![1]), replies: Promise.all(replies) };
  };

  const reply = (number: number) =>
    new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to command ${number}`)), DEADLINE_MS);
      waiting.set(number, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });

  return {
    keys,
    redis,
    send,
    sendLate,
    /** One command, its answer as parsed frames; shared texts filled in. */
    async ask(command: Partial<Command> & { frame: string }) {
      const { replies } = await send([command]);
      const [answer] = await replies;
      return { ...answer!, json: await parseFrame(answer!) };
    },
    /** The broadcasts of a user from now on. */
    async listen(world: string, user: string) {
      const heard: UserBroadcast[] = [];
      let wake = () => {};
      subscriber.on("messageBuffer", (channel: Buffer, message: Buffer) => {
        if (channel.toString() !== keys.userChannel(world, user)) return;
        heard.push(decodeUserBroadcast(message));
        wake();
      });
      await subscriber.subscribe(keys.userChannel(world, user));
      return {
        heard,
        async next() {
          while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
          return heard.shift()!;
        },
      };
    },
    async close() {
      open = false;
      await reading;
      for (const link of [redis, blocking, subscriber]) link.disconnect();
    },
  };

  async function parseFrame({ frame }: Reply) {
    if (typeof frame === "string") return frame === "" ? null : JSON.parse(frame);
    const texts = await Promise.all(
      frame.map((part) => (typeof part === "string" ? part : redis.get(keys.sharedText(part.shared)))),
    );
    return JSON.parse(texts.join(""));
  }
}
