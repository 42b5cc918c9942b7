/** Who tries to get in without a right to, or in one world to reach into another. */
import { createHmac, generateKeyPairSync, randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { runFoyer } from "../../shared/testing/cluster.ts";
import { MARK, startStand } from "./hostile-stand.ts";
import { openWorld, SECRET } from "./worlds.ts";

const LIMIT = 20;
const issuer = "tickets";
const audience = "conf";
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const publicPem = rsa.publicKey.export({ type: "spki", format: "pem" }).toString();

const world = {
  ...openWorld,
  world: {
    ...openWorld.world,
    JWT_secrets: [
      { secret: SECRET, issuer, audience },
      { public_key: publicPem, algorithm: "RS256", issuer, audience },
    ],
  },
};
const closedWorld = {
  ...openWorld,
  world: { ...openWorld.world, id: "closed" },
  trait_grants: { attendee: ["ticket"] },
};
const otherWorld = { ...openWorld, world: { ...openWorld.world, id: "other" } };

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = Math.floor(Date.now() / 1000);
const claims = (change: object = {}) => ({
  iss: issuer,
  aud: audience,
  exp: now + 600,
  uid: MARK,
  ...change,
});
/** Signed by the world's secret, whatever the header says. */
const signed = (header: object, payload: string) => {
  const input = `${encode(header)}.${payload}`;
  return `${input}.${createHmac("sha256", SECRET).update(input).digest("base64url")}`;
};
const HS = { alg: "HS256", typ: "JWT" };
const attackersKey = generateKeyPairSync("rsa", { modulusLength: 2048 });
const attackersJwk = attackersKey.publicKey.export({ format: "jwk" });
const byAttacker = (header: object) =>
  jwt.sign(claims(), attackersKey.privateKey, { algorithm: "RS256", header: { alg: "RS256", ...header } });

const badTokens: Record<string, string> = {
  "alg none": `${encode({ alg: "none" })}.${encode(claims())}.`,
  "alg None": `${encode({ alg: "None" })}.${encode(claims())}.`,
  "the public key as a secret": jwt.sign(claims(), publicPem, { algorithm: "HS256" }),
  "a key that it brings along": byAttacker({ jwk: attackersJwk } as object),
  "an address of keys": byAttacker({ jku: "http://127.0.0.1:9/keys", kid: "../../dev/null" }),
  "a certificate": byAttacker({ x5u: "http://127.0.0.1:9/", x5c: [MARK] } as object),
  "a kid that is a statement": byAttacker({ kid: "' union select 'x'" }),
  "something critical": signed({ ...HS, crit: ["b64"], b64: false }, encode(claims())),
  "a header that is a list": signed([HS] as never, encode(claims())),
  "an algorithm that is a list": signed({ alg: ["HS256"] } as never, encode(claims())),
  "a body of nested lists": signed(
    HS,
    Buffer.from("[".repeat(9_000) + "]".repeat(9_000)).toString("base64url"),
  ),
  "a body that is null": signed(HS, encode(null)),
  "an endless exp": signed(
    HS,
    Buffer.from(JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e400')).toString("base64url"),
  ),
  "an exp that is text": signed(HS, encode(claims({ exp: String(now + 600) }))),
  "not yet valid": signed(HS, encode(claims({ nbf: now + 600 }))),
  "another audience in a list": signed(HS, encode(claims({ aud: ["other", ["conf"]] }))),
  "a uid that is a list": signed(HS, encode(claims({ uid: [MARK] }))),
  "a uid that is true": signed(HS, encode(claims({ uid: true }))),
  "an endless uid": signed(
    HS,
    Buffer.from(JSON.stringify(claims()).replace(`"${MARK}"`, "1e400")).toString("base64url"),
  ),
  "a uid with half a character": signed(HS, encode(claims({ uid: "a\ud800" }))),
  "traits that are an object": signed(HS, encode(claims({ traits: { length: 1, 0: "admin" } }))),
  "a profile of 100,000 digits": signed(
    HS,
    encode(claims({ profile: { a: Array.from({ length: 400 }, () => 1e308) } })),
  ),
  "line breaks": `\n{"event":"${MARK}"}\n`,
  "60,000 dots": ".".repeat(60_000),
};

t.test("hostile logins", async (t) => {
  const stand = await startStand(t, {
    worlds: [world, closedWorld, otherWorld],
    environment: { FOYER_MAX_FAILED_LOGINS_PER_IP: String(LIMIT), FOYER_TRUSTED_PROXIES: "127.0.0.0/8" },
  });
  const command = async (...args: string[]) => stand.secret((await runFoyer(args, stand.environment)).trim());
  const admin = await command("token", "--world", "w", "--uid", "admin", "--traits", "admin");
  const invite = await command("invite", "--world", "closed", "--room", "stage");
  let connected = 0;
  /** From an address of its own, unless one is given, on one gateway after the other. */
  const connect = async (id = "w", address = `203.0.113.${(connected % 250) + 1}`) => {
    const gateway = stand.gateways[connected++ % 2]!;
    return await connectClient(gateway.world(id), { "x-forwarded-for": stand.secret(address) });
  };
  const attempt = async (login: object, id?: string, address?: string): Promise<string> => {
    const client = await connect(id, address);
    client.send(["authenticate", login]);
    const [action, body] = await client.next();
    client.end();
    return action === "error" ? body.code : action;
  };

  t.test("no bad token lets in, of whatever kind", async (t) => {
    for (const [what, token] of Object.entries(badTokens)) {
      if (token.length > 20) stand.secret(token.slice(0, 2_000));
      t.equal(await attempt({ token }), "auth.invalid_token", what);
    }
    t.equal(await attempt({ token: signed(HS, encode(claims({ exp: now - 60 }))) }), "auth.expired_token");
    const good = {
      iat: now + 600,
      aud: ["x", audience],
      traits: Array.from({ length: 2_000 }, (_, i) => `t${i}`),
    };
    t.equal(
      await attempt({ token: signed(HS, encode(claims(good))) }),
      "authenticated",
      "and this one is good",
    );
  });

  for (const [what, login, id] of [
    ["tokens", () => ({ token: jwt.sign(claims(), randomUUID()) }), "w"],
    ["invites", () => ({ client_id: randomUUID(), invite_token: randomUUID() }), "closed"],
  ] as const) {
    t.test(`guessing ${what}: over any number of connections and gateways there is one limit`, async (t) => {
      const address = `198.51.100.${connected % 250}`;
      const codes: string[] = [];
      // What a client says of where it comes from stands left of what the proxy adds.
      for (let i = 0; i < LIMIT + 5; i++) codes.push(await attempt(login(), id, `192.0.2.${i}, ${address}`));
      t.ok(codes.slice(0, LIMIT).every((code) => /^auth\.(invalid|missing)_token$/.test(code)));
      t.strictSame([...new Set(codes.slice(LIMIT))], ["protocol.rate_limited"]);
      const right = id === "w" ? { token: admin } : { client_id: randomUUID(), invite_token: invite };
      t.equal(await attempt(right, id, address), "protocol.rate_limited", "the right one tells nothing now");
      t.equal(await attempt(right, id), "authenticated", "and lets in from elsewhere");
    });
  }

  t.test("many at once are refused as well, whatever each had found out by then", async (t) => {
    const address = "198.51.100.251";
    const all = await Promise.all(
      Array.from({ length: 60 }, () => attempt({ token: jwt.sign(claims(), "guess") }, "w", address)),
    );
    t.notOk(all.includes("authenticated"));
    t.equal(await attempt({ token: admin }, "w", address), "protocol.rate_limited");
  });

  t.test("an id of another world is no more than one that nobody has", async (t) => {
    const stranger = await connect("other");
    const { "user.config": foreign } = await stranger.logIn({ client_id: randomUUID() });
    const client = await connect();
    await client.logIn({ token: admin });
    const told = async (action: string, body: (id: string) => object) => {
      const answers: string[] = [];
      for (const id of [foreign.id, randomUUID()]) {
        answers.push(JSON.stringify(await client.ask(action, body(id))).replaceAll(id, "the id"));
      }
      t.equal(answers[0], answers[1], `${action}: ${answers[0]}`);
    };
    const actions = ["fetch", "ban", "silence", "reactivate", "delete", "block", "unblock", "kiosk.fetch"];
    for (const action of actions) await told(`user.${action}`, (id) => ({ id }));
    await told("user.admin.update", (id) => ({ id, profile: { display_name: MARK } }));
    await told("user.fetch", (id) => ({ ids: [id] }));
    await told("user.fetch", (id) => ({ pretalx_ids: [id] }));
    await told("user.online_status", (id) => ({ ids: [id] }));
    const cursor = (id: string) => Buffer.from(JSON.stringify(["", id])).toString("base64url");
    await told("user.list", (id) => ({ type: "kiosk", limit: 10, after: cursor(id) }));
    t.strictSame(
      (await stranger.ask("user.fetch", { id: foreign.id })).body.profile,
      {},
      "and it is untouched",
    );
    t.equal(
      (await client.ask("user.update", { id: foreign.id, profile: {} })).ok,
      true,
      "one's own, whatever id",
    );
    for (const each of [client, stranger]) each.end();
  });

  t.test("meanwhile nobody else was harmed, and the log is clean", (t) => stand.check(t));
});
