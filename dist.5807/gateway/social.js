import { isSocialNetwork, worldOfSocialText } from "../shared/protocol/social.js";
/** Anybody may ask, and each that looks right costs a worker something. */
const MAX_UNDER_WAY = 100;
/** @returns answers a request; null when its path is none of these */
export function createSocial(ask, log) {
    let underWay = 0;
    const answer = async (question) => {
        if (underWay >= MAX_UNDER_WAY)
            return unavailable;
        underWay++;
        try {
            const { location } = await question();
            return location === null
                ? brokenLink
                : { status: 302, type: "text/plain", body: "", headers: { location } };
        }
        catch (error) {
            log.warn({ error }, "nobody could answer a social login");
            return unavailable;
        }
        finally {
            underWay--;
        }
    };
    return async ({ method, path, query }) => {
        const [, network = "", step] = /^\/social\/([a-z]+)\/(start|callback)$/.exec(path) ?? [];
        if (!isSocialNetwork(network))
            return null;
        // A HEAD of somebody's link checker would use the link up.
        if (method !== "get")
            return { status: 405, type: "text/plain", body: "GET only\n", headers: { allow: "GET" } };
        const given = new URLSearchParams(query);
        const text = given.get(step === "start" ? "token" : "state") ?? "";
        const world = worldOfSocialText(text);
        if (world === null)
            return brokenLink;
        if (step === "start")
            return await answer(() => ask(world, "gateway.social_start", { network, token: text }));
        const code = given.has("error") ? null : given.get("code") || null;
        return await answer(() => ask(world, "gateway.social_callback", { network, state: text, code }));
    };
}
function page(status, title, text) {
    return {
        status,
        type: "text/html; charset=utf-8",
        body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${text}</p></html>\n`,
        headers: { "content-security-policy": "default-src 'none'", "x-content-type-options": "nosniff" },
    };
}
const brokenLink = page(400, "This link does not work", "It was used before, is more than ten minutes old, or is not complete. Go back to where you found it and try again.");
const unavailable = page(503, "Please try again", "The login could not be completed right now.");
//# sourceMappingURL=social.js.map