/** A database and a key prefix that one test has for itself, on the Postgres and Redis of the test run. */
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import postgres from "postgres";
/** A template that somebody is connected to cannot be copied; autovacuum is, for moments. */
const COPY_ATTEMPTS = 50;
const COPY_AGAIN_MS = 100;
const OBJECT_IN_USE = "55006";
const SCAN_COUNT = 1000;
/** What `npm test` tells the test files. */
function readTestRun() {
    // biome-ignore lint/style/noProcessEnv: a test file is a main program, and this is how the runner tells it.
    const { TEST_DATABASE_URL, TEST_TEMPLATE, TEST_REDIS_URL } = process.env;
    if (TEST_DATABASE_URL === undefined || TEST_TEMPLATE === undefined || TEST_REDIS_URL === undefined) {
        throw new Error("There is no Postgres and Redis for tests here: run tests with npm test -- FILE");
    }
    return { serverUrl: TEST_DATABASE_URL, template: TEST_TEMPLATE, redisUrl: TEST_REDIS_URL };
}
/**
 * Makes a migrated, empty database and thinks up a key prefix. Both go when the test ends, and stay for looking
 * at when it failed.
 */
export async function createTestStores(t) {
    const { serverUrl, template, redisUrl } = readTestRun();
    const name = `t_${randomBytes(8).toString("hex")}`;
    await onServer(serverUrl, (sql) => copyDatabase(sql, template, name));
    t.teardown(async () => {
        if (!t.passing()) {
            t.comment(`kept for looking at: database ${name}, Redis keys ${name}:*`);
            return;
        }
        await onServer(serverUrl, (sql) => sql.unsafe(`drop database ${name} with (force)`));
        await removeKeys(redisUrl, name);
    });
    const databaseUrl = new URL(serverUrl);
    databaseUrl.pathname = `/${name}`;
    return { databaseUrl: databaseUrl.href, redisUrl, redisPrefix: name };
}
/** Connects for one piece of work. */
async function onServer(url, work) {
    const sql = postgres(url, { max: 1, onnotice() { } });
    try {
        await work(sql);
    }
    finally {
        await sql.end();
    }
}
async function copyDatabase(sql, template, name) {
    for (let attempt = 1;; attempt++) {
        try {
            await sql.unsafe(`create database ${name} template ${template}`);
            return;
        }
        catch (error) {
            const isInUse = error instanceof postgres.PostgresError && error.code === OBJECT_IN_USE;
            if (!isInUse || attempt === COPY_ATTEMPTS)
                throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, COPY_AGAIN_MS));
    }
}
/** Removes every key under a prefix. */
async function removeKeys(redisUrl, prefix) {
    const redis = new Redis(redisUrl);
    try {
        for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: SCAN_COUNT })) {
            if (keys.length > 0)
                await redis.unlink(...keys);
        }
    }
    finally {
        redis.disconnect();
    }
}
//# sourceMappingURL=stores.js.map