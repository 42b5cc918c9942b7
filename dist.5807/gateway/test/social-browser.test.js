/** A social login as people see it: a page with the browser client, in a real browser, through a real OAuth server. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { OAuth2Server } from "oauth2-mock-server";
import t, {} from "tap";
import { startTestCluster } from "../../shared/testing/cluster.js";
import { findChromium, startChromium } from "./chromium.js";
import { openWorld } from "./worlds.js";
/** The client as it is built for browsers. */
const built = fileURLToPath(new URL("../../dist/", import.meta.url));
/** The page of a conference: it logs in, shows who one is, and has a link to connect an account. */
const page = (world) => `<!doctype html>
<title>Me</title>
<a target="_blank">Connect with X</a>
<script type="module">
  import { connectFoyer } from "/shared/client/connect.js";
  localStorage.client ??= crypto.randomUUID();
  const client = connectFoyer(${JSON.stringify(world)}, { login: { client_id: localStorage.client } });
  window.updated = new Promise((resolve) => client.on("user.updated", resolve));
  window.prepared = (async () => {
    const { "user.config": me } = await client.ready;
    const body = { network: "twitter", return_url: location.origin + "/me?tab=1" };
    const { url } = await client.call("user.social.connect", body);
    document.querySelector("a").href = url;
    return me;
  })();
</script>`;
async function serve(t, listener) {
    const server = createServer(listener);
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.teardown(() => {
        server.closeAllConnections();
        server.close();
    });
    return server.address().port;
}
/** What the page's script sets, once it has run. */
const set = (name) => `new Promise((resolve) => {
  const look = () => (window.${name} === undefined ? setTimeout(look, 20) : resolve(window.${name}));
  look();
})`;
const chromium = findChromium();
const skip = chromium === undefined && "no Chromium on the PATH; on Debian: apt-get install chromium";
if (skip)
    process.stdout.write(`SKIPPED: the social login in a browser: ${skip}\n`);
t.test("a page connects an account in Chromium, and hears of it", { skip }, async (t) => {
    const oauth = new OAuth2Server();
    await oauth.issuer.keys.generate("RS256");
    await oauth.start(0, "127.0.0.1");
    t.teardown(() => oauth.stop());
    const provider = `http://127.0.0.1:${oauth.address().port}`;
    oauth.service.on("beforeUserinfo", (response) => {
        response.body = { data: { id: "4711", name: "Ada Lovelace", username: "ada" } };
    });
    const verifiers = [];
    oauth.service.on("beforeResponse", (_response, request) => verifiers.push(request.body.code_verifier));
    let gateway = { http: "", world: (_id) => "" };
    /** The cluster's public address, as its load balancer has it. */
    const front = await serve(t, async (request, response) => {
        const answer = await fetch(gateway.http + request.url, { redirect: "manual" });
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(await answer.text());
    });
    const conference = await serve(t, async (request, response) => {
        if (!request.url.startsWith("/shared/")) {
            return response.setHeader("content-type", "text/html").end(page(gateway.world("w")));
        }
        response.setHeader("content-type", "text/javascript");
        response.end(await readFile(built + request.url.slice(1)).catch(() => ""));
    });
    const origin = `http://localhost:${conference}`;
    const world = { ...openWorld.world, social_logins: ["twitter"], return_origins: [origin] };
    const fields = [{ id: "page", label: "On X", type: "link", network: "twitter" }];
    const cluster = await startTestCluster(t, {
        worlds: [{ ...openWorld, world: { ...world, profile_fields: fields } }],
        environment: {
            FOYER_PUBLIC_URL: `http://127.0.0.1:${front}`,
            FOYER_ORIGINS: origin,
            FOYER_SOCIAL_TWITTER_CLIENT_ID: "us",
            FOYER_SOCIAL_TWITTER_CLIENT_SECRET: "hush",
            FOYER_SOCIAL_TWITTER_AUTHORIZE_URL: `${provider}/authorize`,
            FOYER_SOCIAL_TWITTER_TOKEN_URL: `${provider}/token`,
            FOYER_SOCIAL_TWITTER_PROFILE_URL: `${provider}/userinfo`,
        },
    });
    gateway = cluster.gateways[0];
    const browser = await startChromium(t, chromium);
    const profile = { display_name: "Ada Lovelace", fields: { page: "https://twitter.com/ada" } };
    const first = await browser.open(`${origin}/me`);
    const before = await first.evaluate(set("prepared"));
    t.match(before, { id: String, profile: {} });
    await first.evaluate('document.querySelector("a").click()');
    const end = await browser.arrived(`${origin}/me?tab=1#status=success`);
    t.match(await first.evaluate(set("updated")), { id: before.id, profile });
    t.match(await end.evaluate(set("prepared")), { id: before.id, profile });
    t.match(verifiers, [/^[\w-]{43}$/], "over PKCE");
});
//# sourceMappingURL=social-browser.test.js.map