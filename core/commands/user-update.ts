/** `user.update`: changes the caller's own profile or client state. */
import type { CommandBody } from "../../shared/protocol/commands.ts";
import { Refusal } from "../../shared/protocol/errors.ts";
import { runScript } from "../../shared/redis/lua.ts";
import { type OwnUpdate, type OwnUpdated, writeOwnUpdates } from "../sql/own-updates.ts";
import type { UserRow } from "../sql/users.ts";
import { storableJson } from "../storable.ts";
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
    const update = updateOf(context, actor, body);
    const found = await writeOwnUpdates(tx, world.id, [update], false);
    // Nothing is written where newer values are there already (design: later wins).
    return writtenOf(update, found) ?? { result: "{}", changed: [] };
  },

  async runTogether(sql, world, commands) {
    const updates = commands.map(({ context, known, body }) => updateOf(context, known, body));
    const found = await writeOwnUpdates(sql, world, updates, true);
    return updates.map((update) => writtenOf(update, found));
  },
};

function updateOf({ origin, commandId, position }: CommandContext, known: UserRow, body: Body): OwnUpdate {
  return { known, loginVersion: origin.loginVersion, commandId, position, ...readValues(body) };
}

/** What came of an update; null: nothing was written. */
function writtenOf(update: OwnUpdate, found: ReadonlyMap<string, OwnUpdated>): Written | null {
  const updated = found.get(update.known.id);
  if (updated === undefined) return null;
  const { row, changed, wroteProfile, wroteClientState } = updated;
  if (!changed) return { result: "{}", changed: [] };
  const profile = wroteProfile ? update.profile! : row.profile;
  const clientState = wroteClientState ? update.client_state! : row.client_state;
  return { result: "{}", changed: [{ ...row, profile, client_state: clientState }] };
}

/** The given values as JSON text; null where none is given. */
function readValues(body: Body) {
  return {
    profile: body.profile == null ? null : storableJson(body.profile, "/profile"),
    client_state: body.client_state == null ? null : storableJson(body.client_state, "/client_state"),
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
