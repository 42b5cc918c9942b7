/** The rows of the bench: what is measured, what it is held against, and which measurement gives it. */
import type { Ground } from "./ground.ts";

/** A row of the table. */
export interface Row {
  id: string;
  what: string;
  target: number;
  floor: number;
  /** Whether more is better, or less. */
  better: "more" | "less";
  unit: string;
}

/** What was found for a row. */
export interface Finding {
  /** To be held against target and floor. */
  value: number;
  /** The figures that it comes from. */
  said: string;
}

/** One measurement, which may give several rows. */
export interface Measurement {
  rows: readonly string[];
  measure(ground: Ground): Promise<Record<string, Finding>>;
}

const row = (
  id: string,
  what: string,
  target: number,
  floor: number,
  better: Row["better"],
  unit = "",
): Row => ({
  ...{ id, what, target, floor, better, unit },
});

export const rows: readonly Row[] = [
  row("fetch-echo", "`user.fetch` by id, throughput against bare uWebSockets echo", 0.5, 0.4, "more"),
  row("fetch-socketio", "the same against Socket.IO's acknowledged echo over two nodes", 3, 2, "more"),
  row(
    "fetch-p99",
    "p99 of `user.fetch` at a quarter of its maximum, against Socket.IO's echo over two nodes at the same rate",
    1,
    1.5,
    "less",
  ),
  row("fetch-p99-own", "the same against Socket.IO's echo on the client's own node", 1, 1.5, "less"),
  row("update-echo", "`user.update`, throughput against bare uWebSockets echo", 0.2, 0.12, "more"),
  row("memory-uws", "resident memory of an idle connection, against bare uWebSockets", 3, 5, "less"),
  row("memory-socketio", "the same against Socket.IO", 0.25, 0.4, "less"),
  row(
    "login-storm",
    "20,000 JWT logins into a world of 40 rooms, rate against bare uWebSockets connects",
    0.4,
    0.3,
    "more",
  ),
  row(
    "fanout-p99",
    "`user.updated` to a connection on the other gateway, p99 against Socket.IO's room emit, 1,000 a second",
    0.5,
    1,
    "less",
  ),
  row(
    "deliveries",
    "deliveries a second, one message to 10,000 connections on two gateways, against bare uWebSockets publish",
    0.8,
    0.6,
    "more",
  ),
  row("flood", "clients that are held with p99 under 250 ms", 20_000, 15_000, "more", "clients"),
  row("search", "search among 100,000 accounts, p99 end to end, any term, any page", 20, 50, "less", "ms"),
  row(
    "scaling",
    "processor seconds of gateways, and of workers, for 1,000 commands, with 1, 2, 4 of them: largest by smallest, at the same load",
    1.05,
    1.3,
    "less",
  ),
  row("scaling-load", "the same where each of them brings as much load along", 1.05, 1.3, "less"),
  row("idle", "an idle cluster without clients", 1, 3, "less", "% of a processor"),
];

/** How a finding stands: `met`, within the `floor`, or `missed`. */
export function verdictOf({ target, floor, better }: Row, value: number): "met" | "floor" | "missed" {
  const reaches = (bound: number) => (better === "more" ? value >= bound : value <= bound);
  return reaches(target) ? "met" : reaches(floor) ? "floor" : "missed";
}
