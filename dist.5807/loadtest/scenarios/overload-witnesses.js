/**
 * Who looks on while the cluster has too much to do: a moderator who bans, somebody who pings, somebody who asks one
 * thing at a time, and whoever reads the memory of processes and of Redis.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { commandError, isLater } from "../../shared/client/command-error.js";
import { createKeys } from "../../shared/redis/keys.js";
import { outcomeOf } from "../guest.js";
import { createHistogram, recordMs } from "../report.js";
import { namedPids, processUsage, redisMemoryMb } from "../usage.js";
const BAN_EVERY_MS = 500;
const PING_EVERY_MS = 100;
const PROBE_EVERY_MS = 50;
const SAMPLE_EVERY_MS = 500;
/** The protocol's time for closing after `connection.reload`. */
const CLOSED_MS = 2_000;
/** What `foyer local` uses. */
const PREFIX = "foyer";
/** Bans one after another, until `signal` aborts; each counts from the first attempt to its success. */
export async function banAll(moderator, victims, signal) {
    const times = createHistogram();
    const failures = [];
    let refused = 0;
    for (const victim of victims) {
        if (signal.aborted)
            break;
        const began = performance.now();
        for (;;) {
            const [outcome, body] = await outcomeOf(moderator, "user.ban", { id: victim.user });
            if (outcome === "success") {
                recordMs(times, performance.now() - began);
                if (!(await isClosed(victim)))
                    failures.push("a banned user's connection was not closed within 2 s");
                break;
            }
            refused++;
            if (!isLater(commandError(body))) {
                failures.push(`a ban was answered with ${JSON.stringify(body)}`);
                break;
            }
        }
        await sleep(Math.max(0, BAN_EVERY_MS - (performance.now() - began)));
    }
    return { times, refused, failures };
}
async function isClosed(guest) {
    for (const end = performance.now() + CLOSED_MS; guest.closed === null;) {
        if (performance.now() > end)
            return false;
        await sleep(PROBE_EVERY_MS);
    }
    return true;
}
/** Pings until `signal` aborts; how long the answers took. */
export async function pingAlong(guest, signal) {
    const times = createHistogram();
    for (let n = 0; !signal.aborted; n++) {
        const began = performance.now();
        await new Promise((resolve) => {
            guest.connection.onMessage = (text) => {
                if (text === `["pong",${n}]`)
                    resolve();
            };
            guest.connection.send(`["ping",${n}]`);
        });
        recordMs(times, performance.now() - began);
        await sleep(PING_EVERY_MS);
    }
    return times;
}
/** How long one `user.fetch` took; infinite when it was refused. */
async function probe(guest) {
    const began = performance.now();
    const [outcome] = await outcomeOf(guest, "user.fetch", { id: guest.user });
    return outcome === "success" ? performance.now() - began : Number.POSITIVE_INFINITY;
}
/** The slowest of some fetches while nothing else is asked: what is normal here. */
export async function probeQuiet(guest, times) {
    let slowest = 0;
    for (let i = 0; i < times; i++) {
        slowest = Math.max(slowest, await probe(guest));
        await sleep(PROBE_EVERY_MS);
    }
    return slowest;
}
/** Seconds until a fetch is as fast as normally, ten times running. @returns null when it never was */
export async function untilNormal(guest, normalMs, patienceMs) {
    const began = performance.now();
    let since = began;
    for (let good = 0; performance.now() - began < patienceMs;) {
        const at = performance.now();
        good = (await probe(guest)) <= normalMs ? good + 1 : 0;
        if (good === 1)
            since = at;
        if (good === 10)
            return (since - began) / 1000;
        await sleep(PROBE_EVERY_MS);
    }
    return null;
}
/** Reads memory until `signal` aborts. */
export async function watchMemory(facts, signal) {
    const redis = new Redis(facts.redis_url);
    const keys = createKeys(PREFIX);
    const peaks = {
        rssMb: new Map(),
        redisMb: { before: await redisMemoryMb(redis), most: 0 },
        streamEntries: 0,
        backlog: 0,
    };
    for (;;) {
        for (const [name, pid] of namedPids(facts)) {
            const rss = processUsage(pid)?.rssMb ?? 0;
            const peak = peaks.rssMb.get(name) ?? { before: rss, most: rss };
            peaks.rssMb.set(name, { ...peak, most: Math.max(peak.most, rss) });
        }
        peaks.redisMb.most = Math.max(peaks.redisMb.most, await redisMemoryMb(redis));
        peaks.streamEntries = Math.max(peaks.streamEntries, await redis.xlen(keys.commandStream(0)));
        peaks.backlog = Math.max(peaks.backlog, Number(await redis.get(keys.backlog(0))));
        if (signal.aborted)
            break;
        await sleep(SAMPLE_EVERY_MS, undefined, { signal }).catch(() => { });
    }
    redis.disconnect();
    return peaks;
}
//# sourceMappingURL=overload-witnesses.js.map