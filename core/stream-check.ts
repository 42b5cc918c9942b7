/** Makes a command stream ready on the Redis that is there now: ids never go backwards (docs/architecture.md). */
import type { RedisClient } from "../shared/redis/connect.ts";
import { COMMAND_GROUP, type Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";
import { entryIdOf } from "./position.ts";
import { selectGreatestPosition } from "./sql/command-log.ts";
import type { Sql } from "./sql/database.ts";

/** @returns whether something had to be made or raised */
export async function prepareStream(
  { redis, sql, keys }: { redis: RedisClient; sql: Sql; keys: Keys },
  stream: number,
): Promise<boolean> {
  const { ms, sequence } = entryIdOf(await selectGreatestPosition(sql));
  const changed = await runScript(
    redis,
    "prepare-stream",
    keys.commandStream(stream),
    keys.streamChecked(stream),
    COMMAND_GROUP,
    ms,
    sequence,
  );
  return changed === 1;
}

/** Whether that was done on the server that holds the stream now: it may be another one than a moment ago. */
export async function isStreamChecked(
  { redis, keys }: { redis: RedisClient; keys: Keys },
  stream: number,
): Promise<boolean> {
  const [, checked] = (await runScript(redis, "check-stream", keys.streamChecked(stream))) as [
    string,
    number,
  ];
  return checked === 1;
}
