/** `fanout`: many users at once, each with several connections over all gateways; what one changes all others show. */
import { expectConnected, gather, type Load } from "./load.ts";

/** What the command line says about it. */
export interface FanOutOptions {
  /** Connections of one user. */
  tabs: number;
  /** Changes a second. */
  rate: number;
  /** How long answers and deliveries that are outstanding at the end may take. */
  graceMs: number;
}

/** Runs it. */
export async function runFanOut(load: Load, { tabs, rate, graceMs }: FanOutOptions) {
  const { run, clients, seconds } = load;
  const users = Math.max(1, Math.floor(clients / tabs));
  run.note(`logging ${users} users in, ${tabs} times each`);
  const { joined } = await gather(load, { group: "users", count: users * tabs, tabs });
  run.note(`${rate} changes a second`);
  const rates = { update: rate };
  const { sent, unanswered } = await run.crew.open({ group: "users", rates, seconds, graceMs });
  await expectConnected(run, "users", joined);
  return { users, tabs, sent, unanswered };
}
