/** Entries that are run no more: kept in a stream of their own, for an operator to look at. */

import { decodeCommands } from "../shared/envelope.ts";
import type { RedisClient } from "../shared/redis/connect.ts";
import { COMMAND_GROUP, type Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";
import type { GivenUpEntry } from "./entry-reader.ts";

/** Enough to look into, few enough to forget about. */
const MAX_DEAD_LETTERS = 10_000;

/** Moves an entry to the dead letters. Written first: between the two it stands twice, never nowhere. */
export async function moveToDeadLetters(redis: RedisClient, keys: Keys, entry: GivenUpEntry): Promise<void> {
  await redis.xadd(
    keys.deadLetters(),
    "MAXLEN",
    "~",
    MAX_DEAD_LETTERS,
    "*",
    "e",
    entry.bytes,
    "stream",
    entry.stream,
    "entry",
    entry.id,
    "deliveries",
    entry.deliveries,
    "error",
    entry.error,
  );
  const { commandStream, backlog } = keys;
  const { stream, id } = entry;
  const commands = countCommands(entry.bytes);
  await runScript(
    redis,
    "finish-entries",
    commandStream(stream),
    backlog(stream),
    COMMAND_GROUP,
    id,
    commands,
  );
}

function countCommands(bytes: Buffer): number {
  try {
    return decodeCommands(bytes).commands.length;
  } catch {
    // Not ours or not readable: nobody added it to the backlog, or with a count that only they know.
    return 0;
  }
}
