/** Throughput and latency of single commands, all sides in turns: whatever else the machine does hits each alike. */

import { median, round, summarize } from "../../loadtest/report.ts";
import type { Run } from "../../loadtest/run.ts";
import type { Ground, Side } from "./ground.ts";
import type { Finding, Measurement } from "./rows.ts";

const CLIENTS = 1_000;
/** Bytes of the answer to a user.fetch. */
const FRAME_BYTES = 250;
/** How long each side runs before anything counts: V8 takes that long over the many functions of a whole cluster. */
const WARM_UP_S = 10;

export const throughput: Measurement = {
  rows: ["fetch-echo", "fetch-socketio", "update-echo", "fetch-p99", "fetch-p99-own"],
  async measure(ground) {
    const echo: Side["dialect"] = { name: "echo", bytes: FRAME_BYTES };
    const socketIo = (event: "echo" | "far-echo") =>
      ({ name: "socket.io", bytes: FRAME_BYTES, event }) as const;
    const uws = await ground.peerSide("uws", 1, echo);
    const ws = await ground.peerSide("ws", 1, echo);
    const far = await ground.peerSide("socket-io", 2, socketIo("far-echo"), "socket.io far");
    const own = { name: "socket.io own", dialect: socketIo("echo"), urls: far.urls };
    const foyer = await ground.foyer();
    const clients = ground.scale.clients(CLIENTS);
    return ground.withRun(clients * 5, async (run) => {
      const sides = [uws, ws, own, far, foyer];
      for (const side of sides) await ground.join(run, side, clients);
      const turns = { fetch: [] as number[], update: [] as number[] };
      const rates = new Map<string, number[]>(sides.map(({ name }) => [name, []]));
      // The first turn compiles what the others run, on each side, and does not count.
      const first = ground.scale.short ? 0 : -1;
      for (let turn = first; turn < ground.scale.rounds; turn++) {
        const seconds = turn < 0 ? WARM_UP_S : ground.scale.seconds;
        const found = new Map<string, number>();
        for (const side of [uws, ws, own, far]) {
          found.set(side.name, await ground.closed(run, side, "echo", seconds));
        }
        const fetch = await ground.closed(run, foyer, "fetch", seconds);
        const update = await ground.closed(run, foyer, "update", seconds);
        if (turn < 0) continue;
        for (const [name, rate] of found) rates.get(name)!.push(rate);
        turns.fetch.push(fetch);
        turns.update.push(update);
      }
      const against = (those: number[], side: Side, name: string): Finding => ({
        value: round(median(those.map((rate, i) => rate / rates.get(side.name)![i]!))),
        said: `${perSecond(those)} against ${perSecond(rates.get(side.name)!)}${name}`,
      });
      const others = `; ws ${perSecond(rates.get(ws.name)!)}, Socket.IO on the own node ${perSecond(rates.get(own.name)!)}`;
      return {
        "fetch-echo": against(turns.fetch, uws, others),
        "fetch-socketio": against(turns.fetch, far, ""),
        "update-echo": against(turns.update, uws, ""),
        ...(await latencies(ground, run, { foyer, far, own }, median(turns.fetch) / 4)),
      };
    });
  },
};

async function latencies(
  ground: Ground,
  run: Run,
  { foyer, far, own }: Record<"foyer" | "far" | "own", Side>,
  rate: number,
): Promise<Record<string, Finding>> {
  const times = new Map<Side, number[]>([foyer, far, own].map((side) => [side, []]));
  for (let turn = 0; turn < ground.scale.rounds; turn++) {
    for (const [side, list] of times) {
      const kind = side === foyer ? "fetch" : "echo";
      const kinds = await ground.open(run, side, { [kind]: rate });
      const { p99 } = summarize(kinds.get(kind)!.histogram);
      list.push(p99);
      ground.progress(`  ${side.name} at ${Math.round(rate)}/s: p99 ${p99} ms`);
    }
  }
  const against = (side: Side): Finding => ({
    value: round(median(times.get(foyer)!.map((p99, i) => p99 / times.get(side)![i]!))),
    said: `${round(median(times.get(foyer)!))} ms against ${round(median(times.get(side)!))} ms at ${Math.round(rate).toLocaleString("en")} a second`,
  });
  return { "fetch-p99": against(far), "fetch-p99-own": against(own) };
}

function perSecond(rates: readonly number[]): string {
  return `${Math.round(median(rates)).toLocaleString("en")}/s`;
}
