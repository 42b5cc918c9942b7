import { Refusal } from "../../shared/protocol/errors.js";
import { runScript } from "../../shared/redis/lua.js";
import { insertAudit } from "../sql/audit-log.js";
import { updateOwnValues } from "../sql/users.js";
import { differs, storableJson } from "../storable.js";
export const userUpdate = {
    async before(context, actor, body) {
        // Here, so that what cannot be stored costs no transaction.
        readValues(body);
        await takeToken(context, actor);
    },
    async run({ tx, world, actor, position, commandId }, body) {
        const given = readValues(body);
        // Later wins: what entered the stream before the value that is there changes nothing.
        const profile = actor.profile_position < position ? given.profile : null;
        const clientState = actor.client_state_position < position ? given.clientState : null;
        const profileChanged = profile !== null && differs(profile, actor.profile);
        const changed = profileChanged || (clientState !== null && differs(clientState, actor.client_state));
        if (profile === null && clientState === null)
            return { result: "{}", changed: [] };
        const values = { profile, client_state: clientState, position, changed };
        const [version] = await Promise.all([
            updateOwnValues(tx, world.id, actor.id, values),
            profileChanged &&
                insertAudit(tx, world.id, {
                    actor: actor.id,
                    user: actor.id,
                    event: "profile",
                    data: `{"old":${actor.profile},"new":${profile},"by_admin":false}`,
                    commandId,
                }),
        ]);
        if (!changed)
            return { result: "{}", changed: [] };
        const now = {
            ...actor,
            version,
            profile: profile ?? actor.profile,
            client_state: clientState ?? actor.client_state,
        };
        return { result: "{}", changed: [now] };
    },
};
/** The given values as JSON text; null where none is given. */
function readValues(body) {
    return {
        profile: body.profile == null ? null : storableJson(body.profile, "/profile"),
        clientState: body.client_state == null ? null : storableJson(body.client_state, "/client_state"),
    };
}
async function takeToken({ services, world }, user) {
    const { FOYER_UPDATE_RATE: rate, FOYER_UPDATE_RATE_BURST: burst } = services.settings;
    if (rate === 0)
        return;
    const waitMs = await runScript(services.redis, "take-token", services.keys.updateRate(world.id, user), rate, burst);
    if (Number(waitMs) > 0)
        throw new Refusal("protocol.rate_limited", { retry_after_ms: Number(waitMs) });
}
//# sourceMappingURL=user-update.js.map