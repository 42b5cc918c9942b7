/** `commands`: fetches, updates and searches at rates of their own, whether or not they are answered. */
import type { Kind } from "../dialects/dialect.ts";
import { expectConnected, gather, type Load } from "./load.ts";

const GRACE_MS = 12_000;

/** Runs it. @param rates a second, by kind */
export async function runCommands(
  load: Load,
  rates: Partial<Record<Kind, number>>,
): Promise<Record<string, unknown>> {
  const { run, clients, seconds } = load;
  run.note(`logging ${clients} in`);
  const { joined } = await gather(load, { group: "crowd" });
  const list = Object.entries(rates).map(([kind, rate]) => `${rate} ${kind}`);
  run.note(`${list.join(", ")} a second`);
  const { sent, unanswered } = await run.crew.open({ group: "crowd", rates, seconds, graceMs: GRACE_MS });
  await expectConnected(run, "crowd", joined);
  return { sent, unanswered };
}
