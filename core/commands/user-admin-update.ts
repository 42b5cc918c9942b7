/** `user.admin.update`: changes somebody's account. */
import type { CommandBody } from "../../shared/protocol/commands.ts";
import { Refusal } from "../../shared/protocol/errors.ts";
import { type AuditEvent, insertAudit } from "../sql/audit-log.ts";
import { isDuplicate } from "../sql/database.ts";
import { updateByAdmin } from "../sql/user-moderation.ts";
import type { LockedUser } from "../sql/users.ts";
import { asUuid, differs, storableJson } from "../storable.ts";
import { asId } from "../tokens.ts";
import type { WriteCommand, WriteContext } from "./context.ts";

type Body = CommandBody<"user.admin.update">;

export const userAdminUpdate: WriteCommand<Body> = {
  affects({ id }) {
    const uuid = asUuid(id);
    return uuid === null ? [] : [uuid];
  },

  async before(_context, _actor, body) {
    // Here, so that what cannot be stored costs no transaction.
    readValues(body);
  },

  async run(context, body) {
    const { locked, position } = context;
    const given = readValues(body);
    const target = locked.get(asUuid(body.id) ?? "");
    if (target === undefined || target.deleted) throw new Refusal("user.not_found");
    if (given.clientState !== null && target.type !== "kiosk") {
      throw new Refusal("user.invalid_body", { path: "/client_state", expected: "nothing, but of a kiosk" });
    }
    // Later wins: what entered the stream before the value that is there changes nothing.
    const profile = target.profile_position < position ? given.profile : null;
    const clientState = target.client_state_position < position ? given.clientState : null;
    const pretalxId = target.pretalx_id_position < position ? given.pretalxId : null;
    const changes = {
      profile: profile !== null && differs(profile, target.profile),
      clientState: clientState !== null && differs(clientState, target.client_state),
      pretalxId: pretalxId !== null && pretalxId !== (target.pretalx_id ?? ""),
    };
    const changed = changes.profile || changes.clientState || changes.pretalxId;
    const values = { profile, client_state: clientState, pretalx_id: pretalxId, position, changed };
    const version = await write(context, target, values);

    if (changes.profile) {
      await audit(
        context,
        target.id,
        "profile",
        `{"old":${target.profile},"new":${profile},"by_admin":true}`,
      );
    }
    if (changes.pretalxId) {
      const data = { old: target.pretalx_id, new: pretalxId || null, by_admin: true };
      await audit(context, target.id, "pretalx_id", JSON.stringify(data));
    }
    if (!changed) return { result: "{}", changed: [] };
    const now = {
      ...target,
      version,
      profile: profile ?? target.profile,
      client_state: clientState ?? target.client_state,
      pretalx_id: pretalxId === null ? target.pretalx_id : pretalxId || null,
    };
    return { result: "{}", changed: [now] };
  },
};

async function write(
  { tx, world }: WriteContext,
  target: LockedUser,
  values: Parameters<typeof updateByAdmin>[3],
): Promise<number> {
  try {
    return await updateByAdmin(tx, world.id, target.id, values);
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    throw new Refusal("user.invalid_body", {
      path: "/pretalx_id",
      expected: "one that no other account has",
    });
  }
}

async function audit(context: WriteContext, user: string, event: AuditEvent, data: string): Promise<void> {
  const { tx, world, actor, isOperator, commandId } = context;
  await insertAudit(tx, world.id, { actor: isOperator ? null : actor.id, user, event, data, commandId });
}

/** The given values as they are stored; null where none is given. */
function readValues(body: Body) {
  const { pretalx_id: pretalxId } = body;
  if (pretalxId != null && pretalxId !== "" && asId(pretalxId) === null) {
    throw new Refusal("user.invalid_body", {
      path: "/pretalx_id",
      expected: "at most 200 characters, without NUL and lone surrogates",
    });
  }
  return {
    profile: body.profile == null ? null : storableJson(body.profile, "/profile"),
    clientState: body.client_state == null ? null : storableJson(body.client_state, "/client_state"),
    pretalxId: pretalxId ?? null,
  };
}
