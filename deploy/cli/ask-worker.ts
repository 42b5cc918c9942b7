/** One command of the operator's on its way to a worker and back, as a gateway does it for a client. */
import { randomBytes } from "node:crypto";
import type { ClusterLink } from "../../core/world-file.ts";
import {
  decodeReplies,
  encodeCommands,
  FIRST_VERSION,
  type Reply,
  versionAllRead,
} from "../../shared/envelope.ts";
import { createLog } from "../../shared/log.ts";
import type { OperatorAction, OperatorBody } from "../../shared/protocol/operator-commands.ts";
import { BLOCK_MS, connectToKey, untilReady } from "../../shared/redis/connect.ts";
import { streamOf } from "../../shared/redis/keys.ts";
import { runScript } from "../../shared/redis/lua.ts";
import { Failure, type Io } from "./failure.ts";
import { liveNodes } from "./live-nodes.ts";
import { type StoreAddresses, type StoreOptions, withRedis } from "./stores.ts";

/** What a worker answered: a result, or an error of the protocol. */
export type WorkerAnswer =
  | { ok: true; result: unknown }
  | { ok: false; code: string; details: { path?: string; expected?: string } };

/** A ban waits until every gateway has confirmed it or is gone: some seconds at the most. */
const ANSWER_MS = 15_000;

/** The one command that a sender ever has. */
const NUMBER = 1;

/** @throws Failure when no worker takes it or answers in time */
export function askWorker(
  io: Io,
  options: StoreOptions,
  world: string,
  action: OperatorAction,
  body: OperatorBody,
): Promise<WorkerAnswer> {
  return withRedis(io, options, async (link, addresses) => {
    // A gateway id of its own makes a reply stream and a command id of its own.
    const sender = `operator-${randomBytes(8).toString("hex")}`;
    const replies = link.keys.replyStream(sender);
    const blocking = connectToKey(addresses.redisUrl, "blocking", createLog("silent"), replies);
    const end = AbortSignal.timeout(ANSWER_MS);
    try {
      await send(link, addresses, sender, world, `operator.${action}`, body);
      await untilReady(blocking, end);
      const reply = await readReply(blocking, replies, end);
      if (reply === null) throw noAnswer();
      return parseAnswer(reply);
    } finally {
      blocking.disconnect();
      await link.redis.del(replies).catch(() => {
        // It expires by itself.
      });
    }
  });
}

async function send(
  link: ClusterLink,
  { commandStreams }: StoreAddresses,
  sender: string,
  world: string,
  action: string,
  body: OperatorBody,
): Promise<void> {
  const { redis, keys } = link;
  const stream = streamOf(Object.values(body.target)[0]!, commandStreams);
  const [, isChecked] = (await runScript(redis, "check-stream", keys.streamChecked(stream))) as [
    string,
    number,
  ];
  const frame = JSON.stringify([action, NUMBER, body]);
  const command = { n: NUMBER, connection: 0, world, user: null, frame, address: null, loginVersion: null };
  const workers = await liveNodes(link, "core");
  const version = versionAllRead(workers.map(({ info }) => info)) ?? FIRST_VERSION;
  const bytes = encodeCommands({ gateway: sender, sentAt: Date.now(), commands: [command] }, version);
  const [key, backlog] = [keys.commandStream(stream), keys.backlog(stream)];
  // No limit: a rush of clients is no reason to turn the operator away.
  const added = isChecked === 1 ? await runScript(redis, "add-entry", key, backlog, bytes, 1, 0) : null;
  if (added === null) {
    throw new Failure(
      `no worker has made command stream ${stream} yet: start foyer core, then try again; nothing was done`,
    );
  }
}

/** @returns null when time is up */
async function readReply(
  blocking: ClusterLink["redis"],
  stream: string,
  end: AbortSignal,
): Promise<Reply | null> {
  let last = "0-0";
  while (!end.aborted) {
    const read = (await blocking.xreadBuffer("BLOCK", BLOCK_MS, "STREAMS", stream, last)) as
      | [Buffer, [Buffer, Buffer[]][]][]
      | null;
    for (const [id, fields] of read?.[0]?.[1] ?? []) {
      last = id.toString();
      const reply = decodeReplies(fields[1]!).find(({ n }) => n === NUMBER);
      if (reply !== undefined) return reply;
    }
  }
  return null;
}

function parseAnswer({ frame }: Reply): WorkerAnswer {
  // A bug's answer carries no id.
  const parts = JSON.parse(typeof frame === "string" ? frame : "[]") as unknown[];
  const last = parts.at(-1);
  if (parts[0] === "success") return { ok: true, result: last };
  const { code = "no answer", details } = (last ?? {}) as { code?: string; details?: object };
  if (code === "server.timeout") throw noAnswer();
  if (code === "server.fatal") {
    throw new Failure("a worker failed at it: its log says why; whether it was done is unknown");
  }
  return { ok: false, code, details: details ?? {} };
}

function noAnswer(): Failure {
  return new Failure(
    `no worker answered within ${ANSWER_MS / 1_000} s, and it may still be done: look at foyer status, then run this again`,
  );
}
