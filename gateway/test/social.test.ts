/** Social logins over a real gateway, worker and OAuth server: the way through, and every way it can go wrong. */
import { randomUUID } from "node:crypto";
import { OAuth2Server } from "oauth2-mock-server";
import postgres from "postgres";
import t, { type Test } from "tap";
import { createLog } from "../../shared/log.ts";
import { connectRedis } from "../../shared/redis/connect.ts";
import { createKeys } from "../../shared/redis/keys.ts";
import { connectClient } from "../../shared/testing/client.ts";
import { runFoyer, startTestCluster } from "../../shared/testing/cluster.ts";
import { openWorld } from "./worlds.ts";

const PUBLIC_URL = "https://foyer.example/base";
const BACK = "https://conf.example/me?tab=1";

const world = {
  ...openWorld,
  world: {
    ...openWorld.world,
    social_logins: ["twitter", "linkedin"],
    profile_fields: [
      { id: "page", label: "On X", type: "link", network: "twitter" },
      { id: "in", label: "On LinkedIn", type: "link", network: "linkedin" },
      { id: "motto", label: "Motto", type: "text", network: "twitter" },
    ],
  },
};
const quietWorld = { ...openWorld, world: { ...openWorld.world, id: "quiet" } };
const halfWorld = { ...openWorld, world: { ...openWorld.world, id: "half", social_logins: ["linkedin"] } };

/** What the OAuth server saw of one exchange. */
interface Exchange {
  form: Record<string, string>;
  authorization: string | undefined;
}

t.test("social accounts (docs/protocol.md)", async (t) => {
  const oauth = new OAuth2Server();
  await oauth.issuer.keys.generate("RS256");
  await oauth.start(0, "127.0.0.1");
  t.teardown(() => oauth.stop());
  const { port } = oauth.address();
  const provider = `http://127.0.0.1:${port}`;
  const network = (name: string) => ({
    [`FOYER_SOCIAL_${name}_CLIENT_ID`]: `our ${name}`,
    [`FOYER_SOCIAL_${name}_CLIENT_SECRET`]: "hush:hush",
    [`FOYER_SOCIAL_${name}_AUTHORIZE_URL`]: `${provider}/authorize`,
    [`FOYER_SOCIAL_${name}_TOKEN_URL`]: `${provider}/token`,
    [`FOYER_SOCIAL_${name}_PROFILE_URL`]: `${provider}/userinfo`,
  });
  const cluster = await startTestCluster(t, {
    worlds: [world, quietWorld, halfWorld],
    gateways: 2,
    environment: {
      ...network("TWITTER"),
      ...network("LINKEDIN"),
      FOYER_PUBLIC_URL: `${PUBLIC_URL}/`,
      FOYER_LOG_LEVEL: "fatal",
    },
  });
  const [gateway, other] = [cluster.gateways[0]!, cluster.gateways[1]!];
  const sql = postgres(cluster.databaseUrl, { max: 2 });
  const redis = connectRedis(cluster.redisUrl, "commands", createLog("silent"));
  const keys = createKeys(cluster.redisPrefix);
  t.teardown(async () => {
    redis.disconnect();
    await sql.end();
  });

  /** Somebody logged in. */
  const logIn = async (id = "w") => {
    const client = await connectClient(gateway.world(id));
    const clientId = randomUUID();
    const { "user.config": user } = await client.logIn({ client_id: clientId });
    t.teardown(() => client.end());
    const connect = async (body: object = { network: "twitter", return_url: BACK }) => {
      const { ok, body: answer } = await client.ask("user.social.connect", body);
      if (!ok) throw new Error(JSON.stringify(answer));
      return answer.url as string;
    };
    return { client, clientId, id: user.id as string, connect };
  };

  /** A browser's request: addresses of ours lead to this test's gateway; redirects are looked at. */
  const browse = async (url: string, at = gateway) => {
    const response = await fetch(url.replace(PUBLIC_URL, at.http), { redirect: "manual" });
    const { status, headers } = response;
    return { status, headers, location: headers.get("location"), text: await response.text() };
  };

  /** Follows a link to the network's login, which sends the browser back at once; the way back is not gone yet. */
  const logInThere = async (link: string) => {
    const start = await browse(link);
    if (start.location === null) throw new Error(`no redirect but ${start.status}`);
    const { location } = await browse(start.location);
    return { authorize: new URL(start.location), callback: location! };
  };

  /** Answers the profile request, once. */
  const profileIs = (body: Record<string, unknown>, statusCode = 200) =>
    oauth.service.once("beforeUserinfo", (response) => Object.assign(response, { body, statusCode }));

  const accounts = (user: string) =>
    sql`select network, external_id from social_accounts where world_id = 'w' and user_id = ${user}`;
  const isBroken = (t: Test, answer: Awaited<ReturnType<typeof browse>>, what: string) => {
    t.equal(answer.status, 400, what);
    t.equal(answer.location, null, what);
    t.match(answer.headers.get("content-type"), /^text\/html/);
  };

  t.test(
    "the whole way: id, name, profile page, audit row, and user.updated to all connections",
    async (t) => {
      const ada = await logIn();
      const elsewhere = await connectClient(other.world("w"));
      await elsewhere.logIn({ client_id: ada.clientId });
      const link = await ada.connect();
      t.match(link, new RegExp(`^${PUBLIC_URL}/social/twitter/start\\?token=[\\w.-]+$`));
      let exchange: Exchange | undefined;
      oauth.service.once("beforeResponse", (_response, request) => {
        exchange = { form: { ...request.body }, authorization: request.headers.authorization };
      });
      profileIs({ data: { id: "4711", name: "Ada Lovelace", username: "ada" } });
      const { authorize, callback } = await logInThere(link);
      t.equal(authorize.origin + authorize.pathname, `${provider}/authorize`);
      const asked = Object.fromEntries(authorize.searchParams);
      t.match(asked, {
        response_type: "code",
        client_id: "our TWITTER",
        redirect_uri: `${PUBLIC_URL}/social/twitter/callback`,
        scope: "users.read tweet.read",
        state: /^w\.[\w-]{43}$/,
        code_challenge: /^[\w-]{43}$/,
        code_challenge_method: "S256",
      });
      t.match(callback, new RegExp(`^${PUBLIC_URL}/social/twitter/callback\\?`));
      const end = await browse(callback, other);
      t.equal(end.status, 302);
      t.equal(end.location, `${BACK}#status=success`);
      t.equal(end.headers.get("referrer-policy"), "no-referrer");
      t.match(exchange, {
        form: { redirect_uri: asked.redirect_uri, code_verifier: /^[\w-]{43}$/, client_id: "our TWITTER" },
        authorization: `Basic ${btoa("our%20TWITTER:hush%3Ahush")}`,
      });
      t.notOk("client_secret" in exchange!.form);

      const profile = { display_name: "Ada Lovelace", fields: { page: "https://twitter.com/ada" } };
      for (const client of [ada.client, elsewhere]) {
        const [, user] = await client.take("user.updated");
        t.strictSame(user.profile, profile);
        t.strictSame(user.client_state, {});
      }
      elsewhere.end();
      t.strictSame([...(await accounts(ada.id))], [{ network: "twitter", external_id: "4711" }]);
      const audit = await sql`
      select actor_id, user_id, event, data, command_id from audit_log where user_id = ${ada.id} order by id`;
      t.match(
        [...audit],
        [
          { event: "profile", data: { old: {}, new: profile, by_admin: false } },
          { event: "social connected", actor_id: ada.id, user_id: ada.id, data: { network: "twitter" } },
        ],
      );
      t.equal(audit[0]!.command_id, audit[1]!.command_id);
      t.same([...(await sql`select version::int from users where id = ${ada.id}`)], [{ version: 2 }]);
    },
  );

  t.test(
    "a name that is there stays, other fields too; the other network; a second account there",
    async (t) => {
      const grace = await logIn();
      const profile = { display_name: "Grace", fields: { motto: "Ahoy", in: "old" }, avatar: { url: "x" } };
      await grace.client.ask("user.update", { profile });
      const body = { network: "linkedin", return_url: "https://tickets.example" };
      for (const [sub, page] of [
        ["g1", "https://www.linkedin.com/in/grace"],
        ["g2", "https://www.linkedin.com/in/hopper"],
      ] as const) {
        let exchange: Exchange | undefined;
        oauth.service.once("beforeResponse", (_response, request) => {
          exchange = { form: { ...request.body }, authorization: request.headers.authorization };
        });
        profileIs({ sub, name: "G. Hopper", profile: page });
        const { authorize, callback } = await logInThere(await grace.connect(body));
        t.equal(authorize.searchParams.get("scope"), "openid profile");
        // At another address than LinkedIn's own, which refuses it.
        t.match(authorize.searchParams.get("code_challenge"), /^[\w-]{43}$/);
        t.equal(authorize.searchParams.get("code_challenge_method"), "S256");
        t.equal((await browse(callback)).location, "https://tickets.example/#status=success");
        t.match(exchange, {
          form: { client_secret: "hush:hush", client_id: "our LINKEDIN", code_verifier: /^[\w-]{43}$/ },
          authorization: undefined,
        });
        const [, user] = await grace.client.take("user.updated");
        t.strictSame(user.profile, { ...profile, fields: { motto: "Ahoy", in: page } });
        t.strictSame([...(await accounts(grace.id))], [{ network: "linkedin", external_id: sub }]);
      }
    },
  );

  t.test("two users may connect the same account there", async (t) => {
    for (const user of [await logIn(), await logIn()]) {
      profileIs({ id: 99, name: "Shared" });
      const { callback } = await logInThere(await user.connect());
      t.equal((await browse(callback)).location, `${BACK}#status=success`);
      t.strictSame([...(await accounts(user.id))], [{ network: "twitter", external_id: "99" }]);
    }
  });

  t.test("a page that is no web page, and a name that cannot be stored, are left out", async (t) => {
    const user = await logIn();
    profileIs({ sub: "x", name: "\u0000", profile: "javascript:alert(1)" });
    const { callback } = await logInThere(await user.connect({ network: "linkedin", return_url: BACK }));
    t.equal((await browse(callback)).location, `${BACK}#status=success`);
    const [, updated] = await user.client.take("user.updated");
    t.strictSame(updated.profile, {});
  });

  t.test("user.social.connect refuses, in this order", async (t) => {
    const { client } = await logIn();
    const { client: quiet } = await logIn("quiet");
    const { client: half } = await logIn("half");
    const refusal = async (of: typeof client, body: object) => {
      const { ok, body: answer } = await of.ask("user.social.connect", body);
      return ok ? "success" : answer.code;
    };
    t.equal(await refusal(client, { network: "myspace" }), "user.social.unknown");
    t.equal(await refusal(client, { network: "constructor", return_url: BACK }), "user.social.unknown");
    t.equal(await refusal(quiet, { network: "twitter" }), "user.social.disabled");
    t.equal(await refusal(half, { network: "twitter", return_url: BACK }), "user.social.disabled");
    t.equal(await refusal(client, { network: "twitter" }), "user.social.return_url_required");
    t.equal(
      await refusal(client, { network: "twitter", return_url: null }),
      "user.social.return_url_required",
    );
    t.equal(await refusal(client, { network: "twitter", return_url: "" }), "user.social.return_url_required");
    t.equal(await refusal(client, { return_url: BACK }), "user.invalid_body");
    t.equal(await refusal(client, { network: "twitter", return_url: 5 }), "user.invalid_body");
    for (const url of [
      "/me",
      "//conf.example/",
      "conf.example",
      "http://conf.example/",
      "https://conf.example:8443/",
      "https://sub.conf.example/",
      "https://conf.example.evil.example/",
      "https://conf.example@evil.example/",
      "https://somebody@conf.example/",
      "https:\\\\evil.example\\@conf.example",
      "javascript:alert(1)//https://conf.example",
      "ftp://conf.example/",
      `https://conf.example/${"x".repeat(2_000)}`,
      PUBLIC_URL,
    ]) {
      t.equal(
        await refusal(client, { network: "twitter", return_url: url }),
        "user.social.return_url_invalid",
        url,
      );
    }
    t.equal(await refusal(client, { network: "twitter", return_url: "https://conf.example" }), "success");
    t.equal(
      await refusal(client, { network: "twitter", return_url: "https://CONF.example:443/x" }),
      "success",
    );
  });

  t.test("a link works once, for its network, unchanged, for ten minutes", async (t) => {
    const user = await logIn();
    const used = await user.connect();
    t.equal((await browse(used)).status, 302);
    isBroken(t, await browse(used), "used");
    isBroken(t, await browse(used, other), "used, on another gateway");
    isBroken(t, await browse((await user.connect()).replace("twitter", "linkedin")), "of another network");
    const tampered = await user.connect();
    isBroken(t, await browse(tampered.replace("token=w.", "token=quiet.")), "of another world");
    isBroken(t, await browse(tampered.replace("token=w.", "token=nowhere.")), "of no world");
    isBroken(t, await browse(tampered.slice(0, -1) + (tampered.endsWith("A") ? "B" : "A")), "badly signed");
    const [, expires = ""] = /\.(\d+)\./.exec(tampered)!;
    isBroken(
      t,
      await browse(tampered.replace(expires, String(Number(expires) + 600))),
      "made to last longer",
    );
    t.equal((await browse(tampered)).status, 302, "none of which uses it up");

    const [, id = ""] = /token=w\.([\w-]+)\./.exec(await user.connect())!;
    const left = await redis.pttl(keys.socialLink(id));
    t.ok(left > 500_000 && left <= 600_000, "it is kept for ten minutes");
    const late = await user.connect();
    await redis.del(keys.socialLink(/token=w\.([\w-]+)\./.exec(late)![1]!));
    isBroken(t, await browse(late), "after that");
    for (const query of [
      "",
      "?token=",
      "?token=w",
      "?token=w.x",
      "?token=w.%00.x",
      `?token=${"x".repeat(1_000)}`,
    ]) {
      isBroken(t, await browse(`${PUBLIC_URL}/social/twitter/start${query}`), `start${query}`);
    }
  });

  t.test("a link leads on only once, however many follow it at the same time", async (t) => {
    const link = await (await logIn()).connect();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => browse(link, i % 2 ? gateway : other)),
    );
    t.same(answers.map(({ status }) => status).sort(), [302, ...Array(7).fill(400)]);
  });

  t.test("a state works once, for its network, and only one of ours", async (t) => {
    const user = await logIn();
    profileIs({ id: "once" });
    const { callback } = await logInThere(await user.connect());
    t.match((await browse(callback)).location, /#status=success$/);
    isBroken(t, await browse(callback), "used");
    const crossed = (await logInThere(await user.connect())).callback;
    isBroken(t, await browse(crossed.replace("/twitter/", "/linkedin/")), "of another network");
    isBroken(t, await browse(crossed), "used up by that");
    const foreign = (await logInThere(await user.connect())).callback;
    isBroken(t, await browse(foreign.replace("state=w.", "state=quiet.")), "of another world");
    const late = await logInThere(await user.connect());
    const id = late.authorize.searchParams.get("state")!.slice(2);
    const left = await redis.pttl(keys.socialState(id));
    t.ok(left > 500_000 && left <= 600_000, "it is kept for ten minutes");
    await redis.del(keys.socialState(id));
    isBroken(t, await browse(late.callback), "after that");
    for (const query of [
      "",
      "?code=x",
      "?state=&code=x",
      `?state=w.${"x".repeat(43)}&code=x`,
      "?error=access_denied",
    ]) {
      isBroken(t, await browse(`${PUBLIC_URL}/social/twitter/callback${query}`), `callback${query}`);
    }
    isBroken(
      t,
      await browse(`${PUBLIC_URL}/social/twitter/callback?state=${id}&return_url=https://evil.example`),
      "",
    );
  });

  t.test(
    "what goes wrong at the network ends on the page with #status=failed, and changes nothing",
    async (t) => {
      const user = await logIn();
      const failures: Record<string, (callback: string) => string | undefined> = {
        "the user denies": (callback) => callback.replace(/code=[^&]*/, "error=access_denied"),
        "an error beside a code": (callback) => `${callback}&error=server_error`,
        "no code": (callback) => callback.replace(/code=[^&]*/, "code="),
        "a code that the network does not know": (callback) => callback.replace(/code=[^&]*/, "code=made-up"),
        "the exchange is refused": () => {
          oauth.service.once("beforeResponse", (r) =>
            Object.assign(r, { statusCode: 400, body: { error: "invalid" } }),
          );
          return undefined;
        },
        "no access token": () => {
          oauth.service.once("beforeResponse", (r) => Object.assign(r, { body: {} }));
          return undefined;
        },
        "the profile is refused": () => void profileIs({ error: "?" }, 403),
        "the profile has no id": () => void profileIs({ name: "Nobody" }),
        "the profile's id is too long": () => void profileIs({ id: "x".repeat(201) }),
        "the profile is huge": () => void profileIs({ id: "x", name: "x".repeat(70_000) }),
      };
      for (const [what, fail] of Object.entries(failures)) {
        const { callback } = await logInThere(await user.connect());
        const answer = await browse(fail(callback) ?? callback);
        t.equal(answer.status, 302, what);
        t.equal(answer.location, `${BACK}#status=failed`, what);
        isBroken(t, await browse(callback), `${what}: the state is used`);
        oauth.service.removeAllListeners();
      }
      t.strictSame([...(await accounts(user.id))], []);
      t.strictSame(await user.client.quiet(), []);
      t.strictSame([...(await sql`select from audit_log where user_id = ${user.id}`)], []);
    },
  );

  t.test("a verifier that is not the one of the start is refused by the network", async (t) => {
    const user = await logIn();
    const { authorize, callback } = await logInThere(await user.connect());
    const key = keys.socialState(authorize.searchParams.get("state")!.slice(2));
    const state = JSON.parse((await redis.get(key))!);
    await redis.set(key, JSON.stringify({ ...state, verifier: "x".repeat(43) }), "EX", 600);
    t.equal((await browse(callback)).location, `${BACK}#status=failed`);
  });

  t.test(
    "a user banned or deleted meanwhile comes back failed, from the start and from the end",
    async (t) => {
      for (const change of [sql`moderation_state = 'banned'`, sql`deleted_at = now()`]) {
        const user = await logIn();
        const unstarted = await user.connect();
        const { callback } = await logInThere(await user.connect());
        await sql`update users set ${change} where id = ${user.id}`;
        profileIs({ id: "late", name: "Late" });
        t.equal((await browse(callback)).location, `${BACK}#status=failed`);
        t.equal((await browse(unstarted)).location, `${BACK}#status=failed`);
        t.strictSame([...(await accounts(user.id))], []);
        oauth.service.removeAllListeners();
      }
    },
  );

  t.test("other methods and paths", async (t) => {
    const link = await (await logIn()).connect();
    const local = link.replace(PUBLIC_URL, gateway.http);
    for (const method of ["HEAD", "POST"]) t.equal((await fetch(local, { method })).status, 405, method);
    for (const path of ["/social/", "/social/myspace/start", "/social/twitter", "/social/twitter/start/x"]) {
      t.equal((await fetch(gateway.http + path)).status, 404, path);
    }
    t.equal((await browse(link)).status, 302, "and the link still works");
  });

  t.test("an origin that the world took back is not gone to any more, nor a network used", async (t) => {
    const user = await logIn();
    const gone = { network: "twitter", return_url: "https://tickets.example/x" };
    const [start, stays] = [await user.connect(gone), await user.connect()];
    const { callback } = await logInThere(await user.connect(gone));
    const { callback: switchedOff } = await logInThere(await user.connect());
    const less = { ...world, world: { ...world.world, return_origins: [], social_logins: ["linkedin"] } };
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify(less));
    await user.client.take("world.updated");
    isBroken(t, await browse(start), "start");
    isBroken(t, await browse(callback), "callback");
    t.equal((await browse(stays)).location, `${BACK}#status=failed`);
    t.equal((await browse(switchedOff)).location, `${BACK}#status=failed`);
  });
});
