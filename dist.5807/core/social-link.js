/**
 * What leads through a social login, each good once and for ten minutes: the link that `user.social.connect` hands
 * out, and the OAuth state. What they stand for is kept in Redis; both begin with their world (`worldOfSocialText`).
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { selectLinkSecret } from "./sql/social-accounts.js";
/** How long a link, and after it a login, may take. */
const VALID_S = 600;
/** Longer than any page's address; it is kept for every link. */
const MAX_RETURN_URL_CHARACTERS = 2_000;
/** Makes a link's token: world, id, end of validity, signature. */
export async function issueLink(services, link, now) {
    const id = randomBytes(16).toString("base64url");
    const signed = `${link.world}.${id}.${Math.floor(now / 1000) + VALID_S}`;
    const signature = sign(await secretOf(services, link.world), signed);
    await services.redis.set(services.keys.socialLink(id), JSON.stringify(link), "EX", VALID_S);
    return `${signed}.${signature}`;
}
/** Takes a link by its token; null when it is forged, too old, or was taken before. */
export async function takeLink(services, world, token, now) {
    const [, signed, tokenWorld, id, expires, signature] = /^(([a-z0-9-]+)\.([\w-]{22})\.(\d{1,12}))\.([\w-]{43})$/.exec(token) ?? [];
    if (signed === undefined || tokenWorld !== world || Number(expires) * 1000 <= now)
        return null;
    const expected = sign(await secretOf(services, world), signed);
    if (!timingSafeEqual(Buffer.from(expected), Buffer.from(signature)))
        return null;
    return take(world, await services.redis.getdel(services.keys.socialLink(id)));
}
/** Makes an OAuth state. */
export async function issueState(services, state) {
    const id = randomBytes(32).toString("base64url");
    await services.redis.set(services.keys.socialState(id), JSON.stringify(state), "EX", VALID_S);
    return `${state.world}.${id}`;
}
/** Takes an OAuth state; null when it is unknown, too old, or was taken before. */
export async function takeState(services, world, text) {
    const [, id] = /\.([\w-]{43})$/.exec(text) ?? [];
    if (id === undefined)
        return null;
    return take(world, await services.redis.getdel(services.keys.socialState(id)));
}
/** Whether people may be sent there: an absolute http(s) address of one of the world's origins. */
export function isReturnUrl(world, text) {
    if (text.length > MAX_RETURN_URL_CHARACTERS || !URL.canParse(text))
        return false;
    const url = new URL(text);
    // What reads like another origin, such as https://conf.example@evil.example the other way round, is no page's.
    if (!/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "")
        return false;
    return world.origins.some((origin) => URL.canParse(origin) && new URL(origin).origin === url.origin);
}
/** The address to go back to. As parsed: what is sent is what was checked, whoever reads it. */
export function returnLocation({ returnUrl }, status) {
    const url = new URL(returnUrl);
    url.hash = `status=${status}`;
    return url.href;
}
function take(world, json) {
    const taken = json === null ? null : JSON.parse(json);
    return taken?.world === world ? taken : null;
}
async function secretOf({ sql }, world) {
    const secret = await selectLinkSecret(sql, world);
    if (secret === undefined)
        throw new Error("the world is gone");
    return secret;
}
/** The prefix keeps the secret free for signing other things. */
function sign(secret, text) {
    return createHmac("sha256", secret).update(`social-link ${text}`).digest("base64url");
}
//# sourceMappingURL=social-link.js.map