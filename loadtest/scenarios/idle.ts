/** `idle`: tabs that are open and ping, as browsers' clients do: what a connection costs that asks for nothing. */
import { round } from "../report.ts";
import { expectConnected, gather, type Load } from "./load.ts";

/** A client pings as often (shared/client/keepalive.ts). */
const PING_EVERY_S = 25;
const GRACE_MS = 5_000;

/** Runs it. */
export async function runIdle(load: Load): Promise<Record<string, unknown>> {
  const { run, clients, seconds } = load;
  const before = gatewayMemory(load);
  run.note(`logging ${clients} in`);
  const { joined } = await gather(load, { group: "tabs" });
  run.note("they stay, and ping");
  const rates = { ping: Math.max(1, joined / PING_EVERY_S) };
  await run.crew.open({ group: "tabs", rates, seconds, graceMs: GRACE_MS });
  await expectConnected(run, "tabs", joined);
  const after = gatewayMemory(load);
  const grownKb = before === null || after === null ? null : round(((after - before) * 1024) / joined);
  return { joined, kbAConnection: grownKb };
}

/** MB of all gateways; null where nobody can look. */
function gatewayMemory({ run, target }: Load): number | null {
  const list = target.urls.map((_, i) => run.latest(`gateway ${i + 1}`)?.rssMb ?? null);
  return list.reduce<number | null>((sum, mb) => (sum === null || mb === null ? null : sum + mb), 0);
}
