/**
 * `user.ban`, `user.silence`, `user.reactivate`, `user.delete`. Those that cut a user off are answered once every
 * gateway has done so: `cutsOff`, which `run-command.ts` hands to `fence.ts`.
 */
import type { CommandBody } from "../../shared/protocol/commands.ts";
import { type ErrorCode, Refusal } from "../../shared/protocol/errors.ts";
import { moderationAfter } from "../moderation-order.ts";
import { type AuditEvent, insertAudit, redactAudit } from "../sql/audit-log.ts";
import { deleteTies, markDeleted, updateModeration } from "../sql/user-moderation.ts";
import type { LockedUser, UserRow } from "../sql/users.ts";
import { asUuid } from "../storable.ts";
import type { WriteCommand, WriteContext, Written } from "./context.ts";

type Body = CommandBody<"user.ban">;

const nothing: Written = { result: "{}", changed: [] };

export const userBan: WriteCommand<Body> = {
  affects: idsOf,
  cutsOff: idsOf,
  run: (context, body) => moderate(context, targetOf(context, body, "user.ban.self"), "banned"),
};

export const userSilence: WriteCommand<Body> = {
  affects: idsOf,
  cutsOff: idsOf,
  run: (context, body) => moderate(context, targetOf(context, body, "user.silence.self"), "silenced"),
};

export const userReactivate: WriteCommand<Body> = {
  affects: idsOf,
  run: (context, body) => moderate(context, targetOf(context, body, "user.reactivate.self"), ""),
};

export const userDelete: WriteCommand<Body> = {
  affects: idsOf,
  cutsOff: idsOf,
  async run(context, body) {
    const { id } = targetOf(context, body, "user.delete.self");
    const { tx, world, position } = context;
    await markDeleted(tx, world.id, id, position);
    await Promise.all([deleteTies(tx, world.id, id), redactAudit(tx, world.id, id)]);
    await audit(context, id, "deleted", {});
    return nothing;
  },
};

const events = { banned: "banned", silenced: "silenced", "": "reactivated" } as const;

async function moderate(
  context: WriteContext,
  target: LockedUser,
  wanted: UserRow["moderation_state"],
): Promise<Written> {
  const { tx, world, position } = context;
  const { id, moderation_state: old } = target;
  const moderation = moderationAfter(target, wanted, position);
  const { moderation_state: state } = moderation;
  const version = await updateModeration(tx, world.id, id, moderation);
  if (old === state) return nothing;
  await audit(context, id, events[state], { old });
  // Whoever was silenced is connected, and may do more again. Others have been cut off, and see it at login.
  if (state !== "") return nothing;
  return { ...nothing, accessChanged: [{ ...target, ...moderation, version }] };
}

async function audit(context: WriteContext, user: string, event: AuditEvent, data: object): Promise<void> {
  const { tx, world, actor, isOperator, commandId } = context;
  const row = { actor: isOperator ? null : actor.id, user, event, data: JSON.stringify(data), commandId };
  await insertAudit(tx, world.id, row);
}

/** What is no UUID is nobody's id, and would be an error to Postgres. */
function idsOf({ id }: Body): string[] {
  const uuid = asUuid(id);
  return uuid === null ? [] : [uuid];
}

/** @throws Refusal for oneself, and where there is nobody */
function targetOf({ actor, isOperator, locked }: WriteContext, body: Body, self: ErrorCode): LockedUser {
  const id = asUuid(body.id) ?? "";
  if (!isOperator && id === actor.id) throw new Refusal(self);
  const target = locked.get(id);
  if (target === undefined || target.deleted) throw new Refusal("user.not_found");
  return target;
}
