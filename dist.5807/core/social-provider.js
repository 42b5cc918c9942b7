/**
 * The OAuth 2 side of a social login: where to send people, and who they are once they are back. All that differs
 * between networks is in one table; their addresses are settings.
 */
import { createHash } from "node:crypto";
import { isStorable } from "./storable.js";
import { asId } from "./tokens.js";
const networks = {
    twitter: {
        scope: "users.read tweet.read",
        secretIn: "header",
        pageOf: ({ username, preferred_username: preferred, profile }) => pageUnder("https://twitter.com/", username ?? preferred) ?? profile,
    },
    linkedin: {
        scope: "openid profile",
        secretIn: "body",
        // With OpenID Connect LinkedIn gives no page; /v2/me gives a vanityName to clients that may have it.
        pageOf: ({ vanityName, profile }) => pageUnder("https://www.linkedin.com/in/", vanityName) ?? profile,
    },
};
/** What a network's answer may come to. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_NAME_CHARACTERS = 200;
const MAX_PAGE_CHARACTERS = 1_000;
/** A network as it is set up here; null when it has no credentials. */
export function socialProvider(settings, network) {
    const name = network === "twitter" ? "TWITTER" : "LINKEDIN";
    const clientId = settings[`FOYER_SOCIAL_${name}_CLIENT_ID`];
    const clientSecret = settings[`FOYER_SOCIAL_${name}_CLIENT_SECRET`];
    if (clientId === undefined || clientSecret === undefined)
        return null;
    return {
        network,
        clientId,
        clientSecret,
        authorizeUrl: settings[`FOYER_SOCIAL_${name}_AUTHORIZE_URL`],
        tokenUrl: settings[`FOYER_SOCIAL_${name}_TOKEN_URL`],
        profileUrl: settings[`FOYER_SOCIAL_${name}_PROFILE_URL`],
        redirectUri: publicUrl(settings, `/social/${network}/callback`),
    };
}
/** An address of this cluster, as the outside sees it. */
export function publicUrl({ FOYER_PUBLIC_URL: base }, path) {
    return base.replace(/\/+$/, "") + path;
}
/** The address of the network's login. */
export function authorizeLocation(provider, state, verifier) {
    const url = new URL(provider.authorizeUrl);
    const { searchParams: query } = url;
    query.set("response_type", "code");
    query.set("client_id", provider.clientId);
    query.set("redirect_uri", provider.redirectUri);
    if (!query.has("scope"))
        query.set("scope", networks[provider.network].scope);
    query.set("state", state);
    if (takesVerifier(provider)) {
        query.set("code_challenge", createHash("sha256").update(verifier).digest("base64url"));
        query.set("code_challenge_method", "S256");
    }
    return url.href;
}
/**
 * Exchanges a code and asks who it was.
 *
 * @throws Error when the network does not play along, or not in time
 */
export async function fetchExternalProfile(provider, code, verifier, signal) {
    const { clientId, clientSecret, redirectUri, network } = provider;
    const form = new URLSearchParams({
        grant_type: "authorization_code",
        code,
        redirect_uri: redirectUri,
        client_id: clientId,
        ...(takesVerifier(provider) ? { code_verifier: verifier } : {}),
    });
    const headers = { accept: "application/json" };
    if (networks[network].secretIn === "body")
        form.set("client_secret", clientSecret);
    else
        headers.authorization = `Basic ${btoa(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`)}`;
    const exchange = { method: "POST", headers, body: form, signal };
    const { access_token: token } = await fetchObject("token", provider.tokenUrl, exchange);
    if (typeof token !== "string")
        throw new Error("token endpoint: no access_token");
    return readProfile(network, await fetchObject("profile", provider.profileUrl, {
        headers: { accept: "application/json", authorization: `Bearer ${token}` },
        signal,
    }));
}
/**
 * LinkedIn's login for web clients answers 401 `invalid_client` to a token request with a `code_verifier`: it knows
 * PKCE only for native clients. There the secret alone ties the code to us.
 */
function takesVerifier({ tokenUrl }) {
    return !/(^|\.)linkedin\.com$/.test(new URL(tokenUrl).hostname);
}
async function fetchObject(what, url, request) {
    const response = await fetch(url, { ...request, redirect: "error" });
    let text = "";
    const decoder = new TextDecoder();
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES)
            throw new Error(`${what} endpoint: the answer is too long`);
        text += decoder.decode(chunk, { stream: true });
    }
    if (!response.ok)
        throw new Error(`${what} endpoint: status ${response.status}`);
    const value = JSON.parse(text);
    if (typeof value !== "object" || value === null)
        throw new Error(`${what} endpoint: no object`);
    return value;
}
/** Names of the values differ: X has them under `data`, and OpenID Connect calls the id `sub`. */
function readProfile(network, answer) {
    const { data } = answer;
    const values = typeof data === "object" && data !== null ? data : answer;
    const id = asId(values.id ?? values.sub);
    if (id === null)
        throw new Error("profile endpoint: no id");
    const { name, localizedFirstName: first, localizedLastName: last } = values;
    const fullName = typeof name === "string" ? name : [first, last].filter((part) => typeof part === "string").join(" ");
    const shown = [...fullName.trim()].slice(0, MAX_NAME_CHARACTERS).join("");
    return {
        id,
        name: shown !== "" && isStorable(shown) ? shown : null,
        url: asPage(networks[network].pageOf(values)),
    };
}
function pageUnder(base, name) {
    return typeof name === "string" && /^[\p{L}\p{N}_.-]{1,100}$/u.test(name)
        ? base + encodeURIComponent(name)
        : null;
}
/** Others will click on it: nothing but a web page will do. */
function asPage(value) {
    if (typeof value !== "string" || value.length > MAX_PAGE_CHARACTERS || !URL.canParse(value))
        return null;
    const url = new URL(value);
    return /^https?:$/.test(url.protocol) && isStorable(url.href) ? url.href : null;
}
//# sourceMappingURL=social-provider.js.map