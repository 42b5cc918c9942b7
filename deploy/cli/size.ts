/** `foyer size`: how many pods, how much memory, which Redis and Postgres a conference takes. */
import { type Io, WrongUsage } from "./failure.ts";
import { FILL, type Simulated, type Sizing, simulateArrival, sizeCluster } from "./sizing.ts";
import { alignRows } from "./table.ts";
import { readUnitCosts } from "./unit-costs.ts";

/** As commander gives them. */
export interface SizeOptions {
  attendees: number;
  tabs: number;
  /** Seconds. */
  arrival: number;
  /** Have everybody arrive on so many gateways, second by second. */
  simulate?: number;
  /** A table of unit costs that was measured elsewhere. */
  costs?: string;
  json?: boolean;
}

const MOST_ATTENDEES = 100_000_000;
const MOST_TABS = 1_000;

/** Prints it. @returns the exit status */
export async function runSize(options: SizeOptions, io: Pick<Io, "stdout">): Promise<number> {
  const { attendees, tabs, arrival, simulate, json } = options;
  if (attendees > MOST_ATTENDEES) throw new WrongUsage(`--attendees: at most ${MOST_ATTENDEES}`);
  if (tabs > MOST_TABS) throw new WrongUsage(`--tabs: at most ${MOST_TABS}`);
  const costs = readUnitCosts(options.costs);
  const conference = { attendees, tabs, arrivalSeconds: arrival };
  const sizing = sizeCluster(conference, costs);
  const simulated =
    simulate === undefined
      ? null
      : simulateArrival(conference, costs, {
          gateway: simulate,
          worker: sizing.pods.worker,
          redis: sizing.redis.processors,
          postgres: sizing.postgres.processors,
        });
  const margin = Math.round((1 / FILL - 1) * 100);
  if (json) {
    const all = { ...conference, marginPercent: margin, measured: costs.measured, ...sizing, simulated };
    io.stdout.write(`${JSON.stringify(all)}\n`);
    return 0;
  }
  io.stdout.write(describe(sizing));
  if (simulated !== null) io.stdout.write(describeSimulated(simulated));
  io.stdout.write(
    `\nEverything has ${margin} % more than the measured costs come to, and a gateway and a worker may be gone.\nUnit costs: ${costs.measured}. docs/sizing.md says what is assumed of people.\n`,
  );
  return 0;
}

function describe({ connections, peak, busy, pods, podMb, redis, postgres }: Sizing): string {
  const processors = (value: number) => `${Number(value.toPrecision(2))} processors busy`;
  const a = (value: number) => Math.round(value).toLocaleString("en");
  return alignRows([
    ["", "how much", "at the worst moment"],
    ["connections", a(connections), `${a(peak.logins)} logins, ${a(peak.commands)} commands a second`],
    ["gateways", `${pods.gateway} pods of ${podMb.gateway} MB`, processors(busy.gateway)],
    ["workers", `${pods.worker} pods of ${podMb.worker} MB`, processors(busy.worker)],
    [
      "Redis",
      `${redis.processors} primaries, ${redis.mb} MB, FOYER_COMMAND_STREAMS=${redis.streams}`,
      processors(busy.redis),
    ],
    ["Postgres", `${postgres.processors} processors, ${postgres.mb} MB`, processors(busy.postgres)],
  ]);
}

function describeSimulated({ gateways, fullest, longestWaitS, busiest }: Simulated): string {
  const rows = (Object.keys(busiest) as (keyof typeof busiest)[]).map((role) => [
    role,
    `${Math.round(busiest[role] * 100)} %`,
    `${Number(longestWaitS[role].toPrecision(2))} s`,
  ]);
  return `\nSimulated on ${gateways} gateways, the fullest with ${fullest.toLocaleString("en")} connections:\n${alignRows([["", "busiest second", "longest wait"], ...rows])}`;
}
