/** What one of each costs, as it was measured: `npm run bench -- costs` writes unit-costs.json. */
import { readFileSync } from "node:fs";
import { Failure } from "./failure.ts";

/** Who pays. */
export type Role = "gateway" | "worker" | "redis" | "postgres";

/** Processor time of one, µs, by role. */
export type Costs = Readonly<Record<Role, number>>;

/** The table. */
export interface UnitCosts {
  /** When and where. */
  measured: string;
  /** MB of a node without clients. */
  baseMb: Record<"gateway" | "worker", number>;
  /** Share of a processor of a node without clients. */
  idleCpu: Record<"gateway" | "worker", number>;
  /** KB that a connection that is logged in adds. */
  connectionKb: Record<"gateway" | "redis", number>;
  /** KB that an account adds to what Postgres holds in memory. */
  accountKb: number;
  micros: Record<"login" | "fetch" | "update" | "ping" | "search", Costs>;
}

/**
 * Reads it.
 *
 * @param file another one, measured elsewhere; undefined: the project's own
 * @throws Failure when it is not there, or is none
 */
export function readUnitCosts(file?: string): UnitCosts {
  const path = file ?? new URL("unit-costs.json", import.meta.url);
  const how = 'measure them with "npm run bench -- costs"';
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(`there are no unit costs (${(error as Error).message}): ${how}`);
  }
  try {
    const costs: Partial<UnitCosts> | null = JSON.parse(text);
    if (costs?.micros !== undefined && costs.connectionKb !== undefined) return costs as UnitCosts;
  } catch {
    // Said below.
  }
  throw new Failure(`${file} is no table of unit costs: ${how}`);
}
