/** `user.update`: changes the caller's own profile or client state. */
import type { CommandBody } from "../../shared/protocol/commands.ts";
import { Refusal } from "../../shared/protocol/errors.ts";
import { runScript } from "../../shared/redis/lua.ts";
import { insertAudit } from "../sql/audit-log.ts";
import { type OwnUpdate, writeOwnUpdates } from "../sql/own-updates.ts";
import { type LockedUser, updateOwnValues } from "../sql/users.ts";
import { differs, storableJson } from "../storable.ts";
import type { CommandContext, WriteCommand, Written } from "./context.ts";

type Body = CommandBody<"user.update">;

export const userUpdate: WriteCommand<Body> = {
  async before(context, actor, body) {
    // Here, so that what cannot be stored costs no transaction.
    readValues(body);
    await takeToken(context, actor);
  },

  async run(context, body) {
    const { tx, world, actor } = context;
    const update = decide(context, actor, body);
    if (update === null) return { result: "{}", changed: [] };
    const [version] = await Promise.all([
      updateOwnValues(tx, world.id, actor.id, update),
      update.audit !== null &&
        insertAudit(tx, world.id, {
          actor: actor.id,
          user: actor.id,
          event: "profile",
          data: update.audit,
          commandId: update.commandId,
        }),
    ]);
    return written(actor, update, version);
  },

  async runTogether(tx, world, commands) {
    const updates = commands.map(({ context, body }) => decide(context, context.actor, body));
    const news = updates.filter((update) => update !== null);
    const versions = await writeOwnUpdates(tx, world, news);
    return updates.map((update, i) => {
      return update && written(commands[i]!.context.actor, update, versions.get(update.id)!);
    });
  },
};

/** What comes of an update for an account as it is under its lock; null: nothing. */
function decide({ position, commandId }: CommandContext, actor: LockedUser, body: Body): OwnUpdate | null {
  const given = readValues(body);
  // Later wins: what entered the stream before the value that is there changes nothing.
  const profile = actor.profile_position < position ? given.profile : null;
  const clientState = actor.client_state_position < position ? given.clientState : null;
  if (profile === null && clientState === null) return null;
  const profileChanged = profile !== null && differs(profile, actor.profile);
  return {
    id: actor.id,
    commandId,
    profile,
    client_state: clientState,
    position,
    changed: profileChanged || (clientState !== null && differs(clientState, actor.client_state)),
    audit: profileChanged ? `{"old":${actor.profile},"new":${profile},"by_admin":false}` : null,
  };
}

/** What is told of it. @param version of the account now */
function written(actor: LockedUser, update: OwnUpdate, version: number): Written {
  if (!update.changed) return { result: "{}", changed: [] };
  const profile = update.profile ?? actor.profile;
  return {
    result: "{}",
    changed: [{ ...actor, version, profile, client_state: update.client_state ?? actor.client_state }],
  };
}

/** The given values as JSON text; null where none is given. */
function readValues(body: Body) {
  return {
    profile: body.profile == null ? null : storableJson(body.profile, "/profile"),
    clientState: body.client_state == null ? null : storableJson(body.client_state, "/client_state"),
  };
}

async function takeToken({ services, world }: CommandContext, user: string): Promise<void> {
  const { FOYER_UPDATE_RATE: rate, FOYER_UPDATE_RATE_BURST: burst } = services.settings;
  if (rate === 0) return;
  const waitMs = await runScript(
    services.redis,
    "take-token",
    services.keys.updateRate(world.id, user),
    rate,
    burst,
  );
  if (Number(waitMs) > 0) throw new Refusal("protocol.rate_limited", { retry_after_ms: Number(waitMs) });
}
