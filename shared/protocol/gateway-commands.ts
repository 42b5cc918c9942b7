/**
 * What a gateway asks for itself: commands like a client's, on the same stream, but of connection 0 and answered
 * with an `answer` effect. A client cannot send them: their namespace is no client's.
 */
import type { FramePart } from "../envelope.ts";

/** Body and answer of each. */
export interface GatewayCommands {
  /** What an upgrade needs to know of a world. */
  "gateway.world": {
    body: Record<string, never>;
    answer: { exists: boolean; version: number; origins: string[] };
  };
  /** The frames of those accounts that are newer than the versions given; for at most 500 at once. */
  "gateway.resync": {
    body: { users: [id: string, version: number][] };
    answer: { users: [id: string, version: number, frame: string, cutOffVersion?: number][] };
  };
  /**
   * What a changed world, or changed traits, mean for connected users, at most 500 at once: a `world.updated`
   * frame each (its config shared, as in replies), or null for one who is no longer admitted.
   */
  "gateway.world_updated": {
    body: { users: string[] };
    answer: { users: [id: string, frame: FramePart[] | null][] };
  };
  /** Somebody follows a link of `user.social.connect`: where to send them; null when the link is no good. */
  "gateway.social_start": {
    body: { network: string; token: string };
    answer: { location: string | null };
  };
  /** Somebody comes back from the network's login; `code` is null when they were refused there. */
  "gateway.social_callback": {
    body: { network: string; state: string; code: string | null };
    answer: { location: string | null };
  };
  /**
   * Of users, at most 500 at once, each with the version that its oldest connection logged in with: those who
   * were banned, silenced or deleted since, with the version below which their connections are cut off. For a gateway
   * that may have missed fences.
   */
  "gateway.cut_off": {
    body: { users: [id: string, version: number][] };
    answer: { users: [id: string, version: number][] };
  };
}

/** The name of one. */
export type GatewayCommandName = keyof GatewayCommands;

const names: Readonly<Record<GatewayCommandName, true>> = {
  "gateway.world": true,
  "gateway.resync": true,
  "gateway.world_updated": true,
  "gateway.social_start": true,
  "gateway.social_callback": true,
  "gateway.cut_off": true,
};

/** All of them. */
export const gatewayCommandNames = Object.keys(names) as GatewayCommandName[];

/** Whether it is one. */
export function isGatewayCommand(name: string): name is GatewayCommandName {
  return Object.hasOwn(names, name);
}
