/** Fan-out from node to node: how late a change arrives, and how many arrive in a second. */
import type { Kind } from "../../loadtest/dialects/dialect.ts";
import { median, round, summarize } from "../../loadtest/report.ts";
import type { Ground, Side } from "./ground.ts";
import type { Measurement } from "./rows.ts";

const USERS = 400;
const FRAME_BYTES = 250;
/** Changes a second; the last is the row's. */
const RATES = [200, 1_000];
const AUDIENCE = 10_000;
const GRACE_MS = 15_000;
/** Before anything counts each side works at the same rate for so long: code is compiled, links are open. */
const WARM_UP_S = 5;

export const fanOut: Measurement = {
  rows: ["fanout-p99"],
  async measure(ground) {
    const foyer = await ground.foyer();
    const sides = [foyer, ...(await peersOf(ground))];
    const users = ground.scale.clients(USERS);
    return ground.withRun(users * 2 * sides.length, async (run) => {
      for (const side of sides) await ground.join(run, side, users * 2, { tabs: 2 });
      const kindOf = (side: Side): Kind => (side === foyer ? "update" : "tell");
      const said: string[] = [];
      let value = 0;
      for (const usual of RATES) {
        const rate = ground.scale.clients(usual);
        const times = new Map<string, number[]>(sides.map(({ name }) => [name, []]));
        const warmUp = ground.scale.short ? ground.scale.seconds : WARM_UP_S;
        for (const side of sides) await ground.open(run, side, { [kindOf(side)]: rate }, warmUp);
        for (let turn = 0; turn < ground.scale.rounds; turn++) {
          for (const side of sides) {
            const kinds = await ground.open(run, side, { [kindOf(side)]: rate });
            const { p99 } = summarize(kinds.get("delivery")!.histogram);
            times.get(side.name)!.push(p99);
            ground.progress(`  ${side.name} at ${rate}/s: p99 ${p99} ms`);
          }
        }
        const ours = times.get(foyer.name)!;
        value = round(median(ours.map((p99, i) => p99 / times.get("socket.io")![i]!)));
        const list = [...times].map(([name, those]) => `${name} ${round(median(those))}`);
        said.push(`${rate}/s: ${list.join(", ")} ms`);
      }
      return { "fanout-p99": { value, said: said.join("; ") } };
    });
  },
};

async function peersOf(ground: Ground): Promise<Side[]> {
  const bytes = FRAME_BYTES;
  return [
    await ground.peerSide("socket-io", 2, { name: "socket.io", bytes, event: "echo" }, "socket.io"),
    await ground.peerSide("uws", 2, { name: "echo", bytes }, "uws over Redis"),
    await ground.peerSide("soketi", 2, { name: "pusher", bytes }),
  ];
}

export const deliveries: Measurement = {
  rows: ["deliveries"],
  async measure(ground) {
    const audience = ground.scale.clients(AUDIENCE);
    const bytes = FRAME_BYTES;
    const uws = await ground.peerSide("uws", 2, { name: "echo", bytes }, "uws");
    const foyer = await ground.foyer();
    return ground.withRun(audience, async (run) => {
      const rates = { uws: [] as number[], foyer: [] as number[] };
      const { seconds, warmUpMs, rounds } = ground.scale;
      for (let turn = 0; turn < rounds; turn++) {
        for (const side of [uws, foyer]) {
          // One side at a time: the connections of one person are one process', and files are limited.
          await ground.join(run, side, audience, { tabs: audience });
          const plan = { group: side.name, warmUpMs, measureMs: seconds * 1000, graceMs: GRACE_MS };
          const { heard, seconds: took } = await run.crew.tell(plan);
          rates[side === uws ? "uws" : "foyer"].push(heard / took);
          ground.progress(`  ${side.name}: ${Math.round(heard / took)} deliveries/s`);
          await run.crew.leave(side.name);
        }
      }
      const value = round(median(rates.foyer.map((rate, i) => rate / rates.uws[i]!)));
      const show = (list: number[]) => `${Math.round(median(list)).toLocaleString("en")}/s`;
      return { deliveries: { value, said: `${show(rates.foyer)} against ${show(rates.uws)}` } };
    });
  },
};
