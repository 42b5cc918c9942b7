/** Protocol, section 2: what somebody is told who gets in, and who does not. */
import { createPublicKey, generateKeyPairSync, randomUUID, sign as signBytes } from "node:crypto";
import jwt from "jsonwebtoken";
import postgres from "postgres";
import t from "tap";
import { closedWorld, ec, ed, pem, rsa, ticket } from "./closed-world.ts";
import { answerTo, insertInvite, KEY, mainWorld, sign, startConformance } from "./conformance.ts";

const { issuer, audience } = KEY;

function edToken(claims: object, key = ed.privateKey): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode({ alg: "EdDSA", typ: "JWT" })}.${encode(claims)}`;
  return `${input}.${signBytes(null, Buffer.from(input), key).toString("base64url")}`;
}

t.test("protocol 2, over two gateways and two workers", async (t) => {
  const cluster = await startConformance(t, [mainWorld, closedWorld]);
  const { connect, enter, admin } = cluster;
  const sql = postgres(cluster.databaseUrl, { max: 2 });
  t.teardown(() => sql.end());
  const now = () => Math.floor(Date.now() / 1000);
  const count = async (world: string) => (await sql`select from users where world_id = ${world}`).length;
  const invite = (room: string, world = "main", time = "1 hour") => insertInvite(sql, world, room, time);

  t.test("authenticated has four keys in this order, and world.config this shape", async (t) => {
    const { login } = await enter(
      { token: sign({ uid: "shape", traits: [...ticket, "crew", "speaker"] }) },
      "closed",
    );
    t.strictSame(Object.keys(login), ["user.config", "world.config", "chat.channels", "chat.read_pointers"]);
    t.strictSame(login["chat.channels"], []);
    t.strictSame(login["chat.read_pointers"], {});
    t.strictSame(login["user.config"], {
      id: login["user.config"].id,
      profile: {},
      pretalx_id: null,
      badges: ["Crew", "Speaker"],
      inactive: false,
      deleted: false,
      client_state: {},
    });
    const { id } = login["world.config"].rooms[0];
    t.match(id, /^[0-9a-f-]{36}$/);
    t.equal(
      JSON.stringify(login["world.config"]),
      JSON.stringify({
        world: {
          id: "closed",
          title: "Closed",
          pretalx: { event: "demo", domain: "https://pretalx.example" },
          profile_fields: [{ id: "company", type: "text", label: "Company" }],
          social_logins: ["linkedin"],
          onsite_traits: ["onsite"],
          iframe_blockers: { default: { enabled: true, policy_url: "https://x.example" } },
        },
        permissions: ["room:announce", "world:connections.unlimited", "world:view"],
        rooms: [
          {
            id,
            name: "First",
            description: "D",
            picture: "https://x.example/p.png",
            import_id: "z-first",
            pretalx_id: "130",
            permissions: ["room:announce", "room:chat.read", "room:view"],
            force_join: true,
            schedule_data: { session: 1 },
            modules: [
              { type: "livestream.native", config: { hls_url: "https://x.example/s.m3u8" } },
              { type: "call.bigbluebutton", config: {} },
              { type: "call.janus", config: {} },
            ],
          },
        ],
      }),
      "only rooms in which room:view is held, in the world's order, and no secret",
    );
    t.notMatch(JSON.stringify(login), /hush|PUBLIC KEY|the next key|secret/);
  });

  t.test(
    "client_id: 1 to 200 characters, a number as its decimal string; the same one is the same account",
    async (t) => {
      const same: [unknown, unknown][] = [
        [5, "5"],
        [5.0, "5"],
        [0, "0"],
        [1.5, "1.5"],
        [1e21, "1000000000000000000000"],
        ["x".repeat(200), "x".repeat(200)],
        ["🎪".repeat(200), "🎪".repeat(200)],
      ];
      for (const [one, other] of same) {
        const [a, b] = [await enter({ client_id: one }), await enter({ client_id: other })];
        t.equal(a.id, b.id, String(one).slice(0, 10));
        t.match(a.me, { profile: {}, pretalx_id: null, badges: [], inactive: false, deleted: false });
      }
      const raw = async (digits: string) => {
        const client = await connect();
        client.send(`["authenticate",{"client_id":${digits}}]`);
        return (await client.next())[1]["user.config"].id;
      };
      t.not(await raw("9007199254740993"), await raw("9007199254740992"), "long numbers are told apart");
      t.equal(await raw("9007199254740993"), (await enter({ client_id: "9007199254740993" })).id);
    },
  );

  const missing: unknown[] = [
    {},
    { client_id: null },
    { client_id: "" },
    { client_id: true },
    { client_id: [] },
    { client_id: {} },
    { client_id: "x".repeat(201) },
    { client_id: "a\u0000b" },
    { token: null },
    { invite_token: "x" },
    null,
    [],
    "text",
    5,
  ];
  t.test("auth.missing_id_or_token: neither token nor client_id, or no object", async (t) => {
    for (const [i, payload] of missing.entries()) {
      const client = await connect();
      const error = { code: "auth.missing_id_or_token" };
      t.strictSame(
        await answerTo(client, ["authenticate", i, payload]),
        ["error", i, error],
        JSON.stringify(payload),
      );
      t.strictSame(await answerTo(client, ["authenticate", payload]), ["error", error]);
      t.ok(await client.logIn({ client_id: "missing" }), "and may try again");
    }
    const client = await connect();
    const frame = await answerTo(client, '["authenticate",{"client_id":1e400}]');
    t.strictSame(frame, ["error", { code: "auth.missing_id_or_token" }]);
  });

  t.test("every key verifies with its own algorithm, also where several share an issuer", async (t) => {
    const claims = { uid: "everywhere", traits: ticket };
    const options = { issuer, audience, expiresIn: 60 };
    const tokens = [
      jwt.sign(claims, KEY.secret, options),
      jwt.sign(claims, "the next key", options),
      jwt.sign(claims, "longer", { ...options, algorithm: "HS512" }),
      jwt.sign(claims, rsa.privateKey, { ...options, issuer: "rsa", algorithm: "RS256" }),
      jwt.sign(claims, ec.privateKey, { ...options, issuer: "ec", algorithm: "ES256" }),
      edToken({ ...claims, iss: "ed", aud: audience, exp: now() + 60 }),
      jwt.sign(claims, KEY.secret, { ...options, audience: ["other", audience] }),
    ];
    const ids = new Set<string>();
    for (const token of tokens) {
      const client = await enter({ token, client_id: "the token wins" }, "closed");
      ids.add(client.id);
      client.end();
    }
    t.equal(ids.size, 1, "one uid, one account");
  });

  t.test("auth.invalid_token: it does not verify, or lacks what it needs", async (t) => {
    const claims = { uid: "nobody", traits: ticket };
    const options = { issuer, audience, expiresIn: 60 };
    const body = { ...claims, iss: issuer, aud: audience, exp: now() + 60 };
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const none = (alg: string) => `${encode({ alg, typ: "JWT" })}.${encode(body)}.`;
    const with_ = (change: object) => jwt.sign({ ...body, ...change }, KEY.secret);
    const without = (name: string) =>
      jwt.sign(JSON.parse(JSON.stringify({ ...body, [name]: undefined })), KEY.secret);
    const publicAsSecret = jwt.sign(
      { ...body, iss: "rsa" },
      createPublicKey(pem(rsa.publicKey)).export({ type: "spki", format: "pem" }),
    );
    const good = jwt.sign(body, KEY.secret);
    const wrong: Record<string, unknown> = {
      "no token": "x",
      empty: "",
      "a number": 5,
      "an object": {},
      none: none("none"),
      None: none("None"),
      nOnE: none("nOnE"),
      "a signature cut off": good.slice(0, good.lastIndexOf(".") + 1),
      "a signature changed": `${good.slice(0, -4)}AAAA`,
      "a wrong secret": jwt.sign(claims, "wrong", options),
      "another algorithm than the key's": jwt.sign(claims, KEY.secret, { ...options, algorithm: "HS512" }),
      "HS256 with the public key": publicAsSecret,
      "RS256 with another issuer": jwt.sign(claims, rsa.privateKey, { ...options, algorithm: "RS256" }),
      "PS256 where RS256 is pinned": jwt.sign(claims, rsa.privateKey, {
        ...options,
        issuer: "rsa",
        algorithm: "PS256",
      }),
      "another issuer": jwt.sign(claims, KEY.secret, { ...options, issuer: "rsa" }),
      "no issuer": without("iss"),
      "another audience": jwt.sign(claims, KEY.secret, { ...options, audience: "other" }),
      "no audience": without("aud"),
      "audiences of others": jwt.sign(claims, KEY.secret, { ...options, audience: ["a", "b"] }),
      "no exp": without("exp"),
      "no uid": without("uid"),
      "uid null": with_({ uid: null }),
      "uid empty": with_({ uid: "" }),
      "uid true": with_({ uid: true }),
      "uid an object": with_({ uid: {} }),
      "uid of 201 characters": with_({ uid: "x".repeat(201) }),
      "traits a string": with_({ traits: "ticket" }),
      "traits an object": with_({ traits: { ticket: true } }),
      "traits with a number": with_({ traits: [...ticket, 5] }),
      "profile a string": with_({ profile: "x" }),
      "profile an array": with_({ profile: [] }),
      "pretalx_id an object": with_({ pretalx_id: {} }),
      "EdDSA of another key": edToken({ ...body, iss: "ed" }, generateKeyPairSync("ed25519").privateKey),
      "expired, and of a wrong secret": jwt.sign(claims, "wrong", { ...options, expiresIn: -60 }),
    };
    const before = await count("closed");
    for (const [what, token] of Object.entries(wrong)) {
      const client = await connect("closed");
      const frame = await answerTo(client, ["authenticate", 1, { token, client_id: "x" }]);
      t.strictSame(frame, ["error", 1, { code: "auth.invalid_token" }], what);
    }
    t.equal(await count("closed"), before, "no account was made");
  });

  t.test("auth.expired_token: it verifies but is past exp; clocks may differ by 5 s", async (t) => {
    const at = (exp: number) =>
      jwt.sign({ uid: "late", traits: ticket, iss: issuer, aud: audience, exp }, KEY.secret);
    const client = await connect("closed");
    const frame = await answerTo(client, ["authenticate", 1, { token: at(now() - 6) }]);
    t.strictSame(frame, ["error", 1, { code: "auth.expired_token" }]);
    t.strictSame(await answerTo(client, ["authenticate", { token: at(1) }]), [
      "error",
      { code: "auth.expired_token" },
    ]);
    t.ok(await client.logIn({ token: at(now() - 1) }), "within the leeway");
  });

  t.test("auth.missing_token: no guests here, or an invite that is unknown or expired", async (t) => {
    const error = { code: "auth.missing_token" };
    const before = await count("closed");
    t.strictSame(await answerTo(await connect("closed"), ["authenticate", 1, { client_id: "guest" }]), [
      "error",
      1,
      error,
    ]);
    t.equal(await count("closed"), before);
    const expired = await invite("stage", "main", "-1 second");
    for (const token of ["unknown", expired, "", {}, true, await invite("z-first", "closed")]) {
      const payload = { client_id: randomUUID(), invite_token: token };
      t.strictSame(
        await answerTo(await connect(), ["authenticate", 1, payload]),
        ["error", 1, error],
        String(token),
      );
    }
  });

  t.test("auth.denied: banned; or the token verifies but grants no world:view", async (t) => {
    const denied = { code: "auth.denied", message: "Permission denied." };
    const before = await count("closed");
    for (const traits of [undefined, null, [], ["ticket"], ["day-1", "day-2"], ["crew"]]) {
      const payload = { token: sign({ uid: "uninvited", traits }) };
      t.strictSame(await answerTo(await connect("closed"), ["authenticate", 1, payload]), [
        "error",
        1,
        denied,
      ]);
    }
    t.equal(await count("closed"), before, "no account was made");
    const moderator = await admin();
    for (const payload of [{ client_id: randomUUID() }, { token: sign({ uid: randomUUID() }) }]) {
      const user = await enter(payload);
      t.ok((await moderator.ask("user.ban", { id: user.id })).ok);
      t.strictSame(await answerTo(await connect(), ["authenticate", payload]), ["error", denied]);
      t.ok((await moderator.ask("user.reactivate", { id: user.id })).ok);
      t.equal((await enter(payload)).id, user.id, "reactivated, it is let in at once");
    }
  });

  t.test("the 5th failure closes with 1008, of whatever kind; fewer leave it open", async (t) => {
    const client = await connect();
    const failures = [
      {},
      { token: "x" },
      { client_id: "y", invite_token: "x" },
      { token: sign({ uid: "x" }, { expiresIn: -60 }) },
    ];
    for (const payload of failures) t.equal((await answerTo(client, ["authenticate", payload]))[0], "error");
    t.strictSame(await answerTo(client, ["ping", 1]), ["pong", 1]);
    client.send(["authenticate", {}]);
    client.send(["authenticate", { client_id: "too late" }]);
    t.strictSame(await client.next(), ["error", { code: "auth.missing_id_or_token" }]);
    t.equal((await client.closed()).code, 1008);
    t.strictSame(client.heard, []);
  });
});
