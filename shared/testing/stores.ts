import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { migrate } from "../../core/migrate.ts";
import { createLog } from "../log.ts";
export async function createTestStores(t: any) {
  const name = `t_${randomBytes(6).toString("hex")}`;
  const admin = postgres("postgres://foyer@127.0.0.1:7432/foyer", { max: 1, onnotice() {} });
  await admin.unsafe(`create database ${name}`);
  t.teardown(async () => {
    await admin.unsafe(`drop database ${name} with (force)`);
    await admin.end();
  });
  const databaseUrl = `postgres://foyer@127.0.0.1:7432/${name}`;
  await migrate(databaseUrl, createLog("silent"));
  return { databaseUrl, redisUrl: "redis://127.0.0.1:7379", redisPrefix: name };
}
