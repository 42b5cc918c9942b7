/**
 * A social login from the link to the end (docs/protocol.md): the gateway that the browser comes to asks here where to
 * send it. A link or state that is no good leads nowhere; after that, all that can go wrong is `failed`.
 */
import { randomBytes } from "node:crypto";
import { isSocialNetwork } from "../shared/protocol/social.js";
import { CommandContext } from "./commands/context.js";
import { resolveAccess } from "./permissions.js";
import { connectAccount } from "./social-connect.js";
import { isReturnUrl, issueState, returnLocation, takeLink, takeState } from "./social-link.js";
import { authorizeLocation, fetchExternalProfile, socialProvider, } from "./social-provider.js";
import { selectAnswer } from "./sql/command-log.js";
/** The network has so long for both of its answers; the gateway waits longer. */
const EXCHANGE_MS = 5_000;
/** The network as this world may use it; null when it may not. */
export function enabledProvider(settings, world, network) {
    const enabled = world.settings.social_logins;
    if (!isSocialNetwork(network) || !Array.isArray(enabled) || !enabled.includes(network))
        return null;
    return socialProvider(settings, network);
}
/** Where a start link leads: to the network's login; null when the link is no good. */
export async function startSocialLogin({ services, loaders, world: worldId, now }, { network, token }) {
    const world = await services.worlds.get(worldId);
    if (world === undefined)
        return null;
    const link = await takeLink(services, world.id, token, now);
    if (link === null || link.network !== network || !isReturnUrl(world, link.returnUrl))
        return null;
    const provider = enabledProvider(services.settings, world, network);
    const user = await loaders.user(world.id, "id", link.user);
    if (provider === null || user === undefined || !resolveAccess(world, user).world.has("world:view")) {
        return returnLocation(link, "failed");
    }
    const verifier = randomBytes(32).toString("base64url");
    return authorizeLocation(provider, await issueState(services, { ...link, verifier }), verifier);
}
/** Where somebody goes who comes back from the network's login; null when nobody of ours was sent there so. */
export async function finishSocialLogin(context, { network, state: text, code }) {
    const { services, loaders, origin, userChanged } = context;
    const world = await services.worlds.get(context.world);
    if (world === undefined)
        return null;
    const command = new CommandContext(services, loaders, world, origin);
    const state = await takeState(services, world.id, text);
    if (state === null)
        return await recordedLocation(command);
    if (state.network !== network || !isReturnUrl(world, state.returnUrl))
        return null;
    const provider = enabledProvider(services.settings, world, network);
    if (provider === null || code === null)
        return returnLocation(state, "failed");
    try {
        const external = await fetchExternalProfile(provider, code, state.verifier, AbortSignal.timeout(EXCHANGE_MS));
        const location = returnLocation(state, "success");
        const connected = await connectAccount(command, state, external, location);
        if (connected === null)
            return returnLocation(state, "failed");
        if (connected.changed)
            userChanged(command, connected.user);
        return location;
    }
    catch (error) {
        // The state is used up: trying again could only end in a broken link, and they want back to their page.
        services.log.warn({ world: world.id, network, commandId: command.commandId, error }, "social login failed");
        return returnLocation(state, "failed");
    }
}
/** A worker may have died after the change and before its answer: then the state is gone, and the answer is kept. */
async function recordedLocation({ services, world, commandId }) {
    const recorded = await selectAnswer(services.sql, world.id, commandId);
    if (recorded === undefined || "error" in recorded)
        return null;
    return recorded.result.location;
}
//# sourceMappingURL=social-login.js.map