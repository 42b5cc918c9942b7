/**
 * Fences (design: "a ban that was acknowledged is absolute"). Once the change is committed, a fence is raised, and
 * the moderator is answered when every gateway whose lease runs has confirmed that it enforces it. A gateway whose
 * lease ran out passes nothing until it has asked what it missed, so that it need not be waited for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "../shared/protocol/errors.ts";
import { runScript } from "../shared/redis/lua.ts";
import { publish } from "../shared/redis/together.ts";
import type { CommandContext, Services } from "./commands/context.ts";
import { selectCutOff } from "./sql/user-moderation.ts";

/** Longer than a gateway's lease; by then the moderator has been told that the outcome is unknown. */
const MAX_WAIT_MS = 15_000;

/** Pauses between looking for confirmations: most come within a few milliseconds. */
const FIRST_LOOK_MS = 1;
const MAX_LOOK_MS = 20;

/** Fences kept: a gateway that follows is never so far behind, and one that does not asks the database. */
const KEPT = 10_000;

/**
 * Has those connections of an account cut off that its last ban, silence or deletion concerns. Also where that is lifted
 * by now: what they send is refused for good, so that one which stayed could do nothing any more.
 *
 * @throws Refusal `server.timeout` when that is not certain in time; the ban itself stands
 */
export async function cutOff({ services, world, now }: CommandContext, id: string): Promise<void> {
  const [concerned] = await selectCutOff(services.sql, world.id, [[id, 0]]);
  if (concerned === undefined) return;
  const [, version] = concerned;
  await enforce(services, world.id, id, version);
  services.metrics.banEnforcement.observe(Math.max(0, Date.now() - now) / 1_000);
}

/** Raises a fence, anew where Redis loses it, until all live gateways have confirmed it. */
async function enforce(services: Services, world: string, user: string, version: number): Promise<void> {
  const { redis, keys, log } = services;
  const deadline = performance.now() + MAX_WAIT_MS;
  let fence: string | null = null;
  for (let waitMs = FIRST_LOOK_MS; performance.now() < deadline; waitMs = Math.min(waitMs * 2, MAX_LOOK_MS)) {
    try {
      fence ??= await raise(services, world, user, version);
      const lookAt = [keys.fences(), keys.fencesConfirmed(), keys.leases("gateway")];
      const state = (await runScript(redis, "unconfirmed-fence", ...lookAt, fence)) as [number, ...string[]];
      const [stands, ...waitedFor] = state;
      if (stands === 0) fence = null;
      else if (waitedFor.length === 0) return;
    } catch (error) {
      log.debug({ reason: (error as Error).message }, "a fence waits for redis");
    }
    await sleep(waitMs);
  }
  log.warn("a fence was not confirmed by all gateways in time");
  throw new Refusal("server.timeout");
}

/** @returns the fence's id */
async function raise(
  { redis, keys }: Services,
  world: string,
  user: string,
  version: number,
): Promise<string> {
  const fence = String(await runScript(redis, "raise-fence", keys.fences(), world, user, version, KEPT));
  // Gateways that do not hear it find it when they renew their leases.
  publish(redis, keys.fencesChannel(), fence).catch(() => {});
  return fence;
}
