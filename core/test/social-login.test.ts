/** Social logins by a worker alone: what only a repeated command, a backdated link or a network's own address shows. */
import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import t, { type Test } from "tap";
import { mergeProfile } from "../social-connect.ts";
import { importWorld } from "../world-file.ts";
import { startTestWorker, testWorld } from "./worker.ts";

const RETURN_URL = "https://conf.example/me";
const socialWorld = {
  world: { ...testWorld.world, domain: "conf.example", social_logins: ["twitter", "linkedin"] },
};

/** A network that answers each path as it is told. */
async function startNetwork(t: Test, listener: Parameters<typeof createServer>[1]) {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function startSocialWorker(t: Test, network: string) {
  const worker = await startTestWorker(t, {
    FOYER_SOCIAL_TWITTER_CLIENT_ID: "id",
    FOYER_SOCIAL_TWITTER_CLIENT_SECRET: "secret",
    FOYER_SOCIAL_TWITTER_AUTHORIZE_URL: `${network}/authorize?scope=more`,
    FOYER_SOCIAL_TWITTER_TOKEN_URL: `${network}/token`,
    FOYER_SOCIAL_TWITTER_PROFILE_URL: `${network}/me`,
    FOYER_SOCIAL_LINKEDIN_CLIENT_ID: "id",
    FOYER_SOCIAL_LINKEDIN_CLIENT_SECRET: "secret",
  });
  const { sql, wire, logIn } = worker;
  await importWorld(sql, null, socialWorld);
  const user = await logIn("somebody");
  /** Asks as a gateway does for itself; under the same number it is the same command again. */
  const ask = async (name: string, body: object, number: { n?: number } = {}) => {
    const { effect } = await wire.ask({ connection: 0, frame: JSON.stringify([name, 1, body]), ...number });
    return effect?.kind === "answer" ? (effect.value as { location: string | null }).location : undefined;
  };
  const token = async (network: string) => {
    const frame = JSON.stringify(["user.social.connect", 1, { network, return_url: RETURN_URL }]);
    const { json } = await wire.ask({ user, frame });
    return new URL(json[2].url).searchParams.get("token")!;
  };
  const start = async (network = "twitter") =>
    new URL((await ask("gateway.social_start", { network, token: await token(network) }))!);
  return { ...worker, user, ask, token, start };
}

t.test("a worker with a network that answers", async (t) => {
  const asked: string[] = [];
  // Who it is, the code says, and the access token then.
  const network = await startNetwork(t, async (request, response) => {
    asked.push(request.url!);
    let form = "";
    for await (const part of request) form += part;
    const id = new URLSearchParams(form).get("code") ?? request.headers.authorization?.split(" ")[1];
    response.end(JSON.stringify({ access_token: id, data: { id, name: "Ada" } }));
  });
  const { sql, user, ask, token, start, wire } = await startSocialWorker(t, network);

  t.test("a callback that is delivered again has the same answer, and one effect", async (t) => {
    const location = await start();
    t.same(location.searchParams.getAll("scope"), ["more"]);
    const body = { network: "twitter", state: location.searchParams.get("state"), code: "c" };
    const heard = await wire.listen("w", user);
    for (let time = 1; time <= 2; time++) {
      t.equal(await ask("gateway.social_callback", body, { n: 5_000 }), `${RETURN_URL}#status=success`);
    }
    t.equal(await ask("gateway.social_callback", body, { n: 5_001 }), null, "another command has no answer");
    t.equal((await heard.next()).version, 2);
    t.same(heard.heard, []);
    t.same(asked, ["/token", "/me"]);
    const audit = await sql`select event from audit_log where user_id = ${user}`;
    t.same([...audit], [{ event: "profile" }, { event: "social connected" }]);
  });

  t.test("what entered the stream before the callback is out of date, what comes after counts", async (t) => {
    const update = (profile: object) =>
      wire.ask({ user, frame: JSON.stringify(["user.update", 1, { profile }]) });
    const read = async () => {
      const [row] = await sql`
        select profile, profile_position = (select max(position) from command_log) as is_newest
        from users where id = ${user}`;
      return { ...row };
    };
    await update({ display_name: "" });
    const state = (await start()).searchParams.get("state");
    await ask("gateway.social_callback", { network: "twitter", state, code: "c" });
    t.strictSame(await read(), { profile: { display_name: "Ada" }, is_newest: true });
    await update({ display_name: "Later" });
    t.strictSame(await read(), { profile: { display_name: "Later" }, is_newest: true });
  });

  t.test("a callback that comes late changes neither what was connected nor the profile since", async (t) => {
    const callback = async (code: string) => {
      const state = (await start()).searchParams.get("state");
      return {
        connection: 0,
        frame: JSON.stringify(["gateway.social_callback", 1, { network: "twitter", state, code }]),
      };
    };
    const update = (profile: object) =>
      wire.ask({ user, frame: JSON.stringify(["user.update", 1, { profile }]) });
    const read = async () => {
      const [row] = await sql`
        select u.profile, u.version::int as version, s.external_id, (select count(*)::int from audit_log) as audited
        from users u join social_accounts s on s.user_id = u.id where u.id = ${user}`;
      return { ...row };
    };
    const [first, second] = [await callback("2"), await callback("3")];
    const { replies } = await wire.sendLate([first]);
    await wire.ask(second);
    await update({ display_name: "" });
    const before = await read();
    t.match(before, { profile: { display_name: "" }, external_id: "3" });
    const [answer] = await replies;
    t.same(answer?.effect, { kind: "answer", value: { location: `${RETURN_URL}#status=success` } });
    t.strictSame(await read(), before, "it is answered, and that is all");

    const { replies: merged } = await wire.sendLate([await callback("4")]);
    await update({ display_name: " " });
    await merged;
    t.match(await read(), { profile: { display_name: " " }, external_id: "4" }, "each has its own place");
  });

  t.test("LinkedIn's own address gets neither challenge nor verifier: it refuses them", async (t) => {
    const location = await start("linkedin");
    t.equal(location.origin + location.pathname, "https://www.linkedin.com/oauth/v2/authorization");
    t.equal(location.searchParams.has("code_challenge"), false);
    t.match(location.searchParams.get("state"), /^w\.[\w-]{43}$/);
  });

  t.test("a link whose time is over is refused although Redis still has it", async (t) => {
    const [world, id] = (await token("twitter")).split(".");
    const [{ link_secret: secret } = {}] = await sql`select link_secret from worlds where id = 'w'`;
    const backdated = (seconds: number) => {
      const signed = `${world}.${id}.${Math.floor(Date.now() / 1000) + seconds}`;
      const signature = createHmac("sha256", secret).update(`social-link ${signed}`).digest("base64url");
      return { network: "twitter", token: `${signed}.${signature}` };
    };
    t.equal(await ask("gateway.social_start", backdated(-1)), null);
    t.type(await ask("gateway.social_start", backdated(60)), "string", "signed alike for later it is good");
  });

  t.test("asking for links too fast is refused", async (t) => {
    const frame = JSON.stringify(["user.social.connect", 1, { network: "twitter", return_url: RETURN_URL }]);
    const { replies } = await wire.send(Array.from({ length: 150 }, () => ({ user, frame })));
    const answers = (await replies).map((reply) => JSON.parse(reply.frame as string));
    t.ok(answers.some(([action]) => action === "success"));
    const refused = answers.find(([action]) => action === "error");
    t.match(refused, ["error", 1, { code: "protocol.rate_limited", details: { retry_after_ms: Number } }]);
  });
});

t.test("a network that never answers is given up, and commands go on meanwhile", async (t) => {
  let arrived = () => {};
  const reached = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const network = await startNetwork(t, () => arrived());
  const { user, ask, start, wire } = await startSocialWorker(t, network);
  const state = (await start()).searchParams.get("state");
  const answer = ask("gateway.social_callback", { network: "twitter", state, code: "c" });
  await reached;
  const { json } = await wire.ask({ user, frame: JSON.stringify(["user.fetch", 7, { id: user }]) });
  t.equal(json[0], "success");
  t.equal(await answer, `${RETURN_URL}#status=failed`);
});

t.test("what a profile gains", async (t) => {
  const fields = [{ id: "x", type: "link", network: "twitter" }];
  const merge = (
    profile: object,
    external: { name: string | null; url: string | null },
    profileFields: unknown = fields,
  ) => {
    const json = mergeProfile(
      { settings: { profile_fields: profileFields } },
      "twitter",
      JSON.stringify(profile),
      external,
    );
    return json === null ? null : JSON.parse(json);
  };
  const ada = { name: "Ada", url: "https://x.example/ada" };
  for (const empty of [
    {},
    { display_name: "" },
    { display_name: "  " },
    { display_name: null },
    { display_name: 5 },
  ]) {
    t.strictSame(merge(empty, { ...ada, url: null }), { display_name: "Ada" });
  }
  t.equal(merge({ display_name: "A" }, { ...ada, url: null }), null);
  t.equal(merge({}, { name: null, url: null }), null);
  t.strictSame(merge({ display_name: "A", fields: "none" }, ada), {
    display_name: "A",
    fields: { x: ada.url },
  });
  t.equal(merge({ display_name: "A", fields: { x: ada.url } }, ada), null);
  t.equal(merge({ display_name: "A" }, ada, "no list"), null);
  const odd = merge({ display_name: "A" }, ada, [
    null,
    { id: "__proto__", type: "link", network: "twitter" },
  ]);
  t.strictSame(Object.entries(odd.fields), [["__proto__", ada.url]]);
});
