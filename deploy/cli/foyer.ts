import { readFileSync } from "node:fs";
import { runWorker } from "../../core/main.ts";
import { migrate } from "../../core/migrate.ts";
import { connectDatabase } from "../../core/sql/database.ts";
import { importWorld } from "../../core/world-file.ts";
import { runGateway } from "../../gateway/main.ts";
import { createLog } from "../../shared/log.ts";
import { connectRedis, untilReady } from "../../shared/redis/connect.ts";
import { createKeys } from "../../shared/redis/keys.ts";
export async function main(argv: string[]) {
  const env = process.env as any;
  if (argv[0] === "gateway") {
    await runGateway(env);
    process.exit(0);
  }
  if (argv[0] === "core") {
    await runWorker(env);
    process.exit(0);
  }
  if (argv[0] === "migrate") {
    await migrate(env.DATABASE_URL, createLog("info"));
    process.exit(0);
  }
  if (argv[0] === "world") {
    const log = createLog("silent");
    const sql = connectDatabase(env.DATABASE_URL, { log });
    const redis = connectRedis(env.REDIS_URL, "commands", log);
    await untilReady(redis, new AbortController().signal);
    console.log(
      await importWorld(
        sql,
        { redis, keys: createKeys(env.FOYER_REDIS_PREFIX) },
        JSON.parse(readFileSync(0, "utf8")),
      ),
    );
    process.exit(0);
  }
}
