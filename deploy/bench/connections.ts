/** What connections cost: memory of those that are idle, the rate of logins, how many are held. */
import { setTimeout as sleep } from "node:timers/promises";
import { median, round } from "../../loadtest/report.ts";
import { runFlood } from "../../loadtest/scenarios/flood.ts";
import { residentMb } from "../../loadtest/usage.ts";
import type { Ground, Side } from "./ground.ts";
import type { Measurement } from "./rows.ts";

/** What a process takes once is not to be counted for each. */
const FIRST = 1_000;
const IDLE = 8_000;
/** Until garbage of the logins is collected: somewhat longer than it has to be quiet for that. */
const SETTLE_MS = 10_000;
const STORM = 20_000;
const STORM_AT_ONCE = 1_000;
const FLOOD_RATE = 250;
const TOO_LONG_MS = 250;

export const memory: Measurement = {
  rows: ["memory-uws", "memory-socketio"],
  async measure(ground) {
    const { scale } = ground;
    const facts = await ground.facts();
    const [uws] = await ground.peers("uws", 1);
    const [socketIo] = await ground.peers("socket-io", 1);
    const sides: [Side, number[]][] = [
      [{ name: "uws", dialect: { name: "echo", bytes: 250 }, urls: [uws!.url] }, [uws!.pid]],
      [
        {
          name: "socket.io",
          dialect: { name: "socket.io", bytes: 250, event: "echo" },
          urls: [socketIo!.url],
        },
        [socketIo!.pid],
      ],
      [await ground.foyer(), facts.gateways.map(({ pid }) => pid)],
    ];
    const kb: number[] = [];
    for (const [side, pids] of sides) kb.push(await ofOne(ground, side, pids));
    const [bare, socket, foyer] = kb as [number, number, number];
    const said = `${foyer} KB against ${bare} (bare uWebSockets) and ${socket} (Socket.IO), ${scale.clients(IDLE)} connections each`;
    return {
      "memory-uws": { value: round(foyer / bare), said },
      "memory-socketio": { value: round(foyer / socket), said },
    };
  },
};

/** KB that each of many idle connections adds to these processes. */
async function ofOne(ground: Ground, side: Side, pids: readonly number[]): Promise<number> {
  const { scale } = ground;
  const resident = () => pids.reduce((sum, pid) => sum + (residentMb(pid) ?? 0), 0);
  const settle = () => sleep(scale.short ? 200 : SETTLE_MS);
  const [first, many] = [scale.clients(FIRST), scale.clients(IDLE)];
  return ground.withRun(first + many, async (run) => {
    await ground.join(run, side, first);
    await settle();
    const before = resident();
    await ground.join(run, side, many, { first });
    await settle();
    const kb = round(((resident() - before) * 1024) / many);
    ground.progress(`  ${side.name}: ${kb} KB for each of ${many} idle connections`);
    await run.crew.leave(side.name);
    return kb;
  });
}

export const logins: Measurement = {
  rows: ["login-storm"],
  async measure(ground) {
    const count = ground.scale.clients(STORM);
    // One process may hold fewer, where files are limited.
    const uws = await ground.peerSide("uws", 2, { name: "echo", bytes: 250 });
    const foyer = await ground.foyer();
    const { key } = await ground.cluster();
    const pace = { atOnce: STORM_AT_ONCE };
    const rates = { bare: [] as number[], foyer: [] as number[] };
    // The same generators for all of it, whose code is then as warm for the one as for the other.
    await ground.withRun(count, async (run) => {
      for (const side of [uws, foyer, uws, foyer, uws]) {
        const people = { kind: "token" as const, seed: `storm-${Date.now()}`, key: key! };
        const { seconds } = await ground.join(run, side, count, { people, pace });
        rates[side === uws ? "bare" : "foyer"].push(count / seconds);
        ground.progress(`  ${side.name}: ${Math.round(count / seconds)}/s`);
        await run.crew.leave(side.name);
      }
    });
    const [bare, ours] = [median(rates.bare), median(rates.foyer)];
    const said = `${Math.round(ours).toLocaleString("en")}/s against ${Math.round(bare).toLocaleString("en")}/s, ${count.toLocaleString("en")} logins, none failed`;
    return { "login-storm": { value: round(ours / bare), said } };
  },
};

export const flood: Measurement = {
  rows: ["flood"],
  async measure(ground) {
    const clients = ground.scale.clients(20_000);
    return ground.withRun(clients, async (run, target) => {
      const seed = `flood-${Date.now()}`;
      const load = { run, target, clients, first: 0, seconds: 0, atOnce: 100, seed };
      const { held, p99, failed } = await runFlood(load, { rate: FLOOD_RATE, untilP99Ms: TOO_LONG_MS });
      // How many are held says nothing where some could not come at all.
      const why = failed as string[];
      if ((p99 as number) <= TOO_LONG_MS && why.length > 0) throw new Error(why.join(", "));
      await run.crew.leave("crowd");
      const value = held as number;
      return { flood: { value, said: `${FLOOD_RATE} joins a second, p99 ${p99} ms in the last 5 s` } };
    });
  },
};
