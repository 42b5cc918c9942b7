/** Which moderator's command counts, in whatever order they come (design: later wins). Pure. */
import type { Moderation } from "./sql/user-moderation.ts";

/**
 * What a command makes of a moderation state. What comes late changes nothing, with one exception: a ban that only
 * silence has overtaken. Silencing somebody who is banned changes nothing, so the ban is to hold.
 *
 * @param wanted "banned", "silenced", or "" to reactivate
 * @param position of the command
 */
export function moderationAfter(
  { moderation_state: state, moderation_position: last, reactivated_position: noted }: Moderation,
  wanted: Moderation["moderation_state"],
  position: string,
): Moderation {
  // Nobody is neither silenced nor banned but by a reactivation, or from the start.
  const reactivated = state === "" ? last : noted;
  const counts = wanted === "" ? position > last : position > reactivated;
  return {
    moderation_state: !counts || (wanted === "silenced" && state === "banned") ? state : wanted,
    moderation_position: latest(last, position),
    reactivated_position: wanted === "" ? latest(reactivated, position) : reactivated,
  };
}

function latest(one: string, other: string): string {
  return one > other ? one : other;
}
