/** The roles of a world file that brings none (docs/protocol.md). */
import type { Roles, TraitGrants } from "./world.ts";

const attendee = [
  "world:view",
  "world:chat.direct",
  "world:exhibition.contact",
  "room:view",
  "room:chat.read",
  "room:chat.join",
  "room:chat.send",
  "room:bbb.join",
  "room:question.read",
  "room:question.ask",
  "room:question.vote",
  "room:poll.read",
  "room:poll.vote",
];

const moderator = [
  ...attendee,
  "world:announce",
  "world:users.list",
  "world:users.manage",
  "world:connections.unlimited",
  "room:announce",
  "room:bbb.moderate",
  "room:chat.moderate",
  "room:question.moderate",
  "room:poll.manage",
  "room:poll.early_results",
  "room:invite",
  "room:invite.anonymous",
  "room:viewers",
];

const admin = [
  ...moderator,
  "world:update",
  "world:secrets",
  "world:api",
  "world:graphs",
  "world:rooms.create",
  "world:kiosks.manage",
  "room:update",
  "room:delete",
];

export const builtInRoles: Roles = { attendee, moderator, admin };

/** Attendees are everyone; the others come with the traits of those names. */
export const builtInTraitGrants: TraitGrants = { attendee: [], moderator: ["moderator"], admin: ["admin"] };
