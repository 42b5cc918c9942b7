import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import jwt from "jsonwebtoken";
import t from "tap";
import { asId, compileTokenKey, compileTokenKeys, signToken, verifyToken } from "../tokens.ts";

const now = Date.now();
const seconds = Math.floor(now / 1000);
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const pem = (pair: { publicKey: { export(options: object): unknown } }) =>
  pair.publicKey.export({ type: "spki", format: "pem" }) as string;

const keys = compileTokenKeys([
  { secret: "old", issuer: "tickets", audience: "conf" },
  { secret: "new", issuer: "tickets", audience: "conf" },
  { public_key: pem(rsa), algorithm: "RS256", issuer: "rsa", audience: "conf" },
  { public_key: pem(ec), algorithm: "ES256", issuer: "ec", audience: "conf" },
  { public_key: pem(ed), algorithm: "EdDSA", issuer: "ed", audience: "conf" },
]);

const claims = (change: object = {}) => ({
  iss: "tickets",
  aud: "conf",
  exp: seconds + 60,
  uid: "ada",
  ...change,
});
const hs = (payload: object, secret = "new", options: jwt.SignOptions = {}) =>
  jwt.sign(payload, secret, options);
const verify = (token: string) => verifyToken(keys, token, now);
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token of the key `new` whose payload is this text, whatever it is as JSON, and whatever its header says. */
function hsText(payload: string, alg: unknown = "HS256") {
  const input = `${encode({ alg })}.${Buffer.from(payload).toString("base64url")}`;
  return `${input}.${createHmac("sha256", "new").update(input).digest("base64url")}`;
}
const withExp = (exp: string) => JSON.stringify(claims({ exp: 0 })).replace('"exp":0', `"exp":${exp}`);

/** The last of 43 letters stands for four bits, and two that count for nothing. */
function rewritten(token: string) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return token.slice(0, -1) + letters[letters.indexOf(token.at(-1)!) + 1];
}

function edToken(payload: object, key = ed.privateKey) {
  const input = `${encode({ alg: "EdDSA", typ: "JWT" })}.${encode(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString("base64url")}`;
}

t.test("tokens of every key verify, also where several share an issuer", async (t) => {
  t.equal(keys.length, 5);
  t.equal(verify(hs(claims(), "old")).uid, "ada");
  t.equal(verify(hs(claims(), "new")).uid, "ada");
  t.equal(verify(jwt.sign(claims({ iss: "rsa" }), rsa.privateKey, { algorithm: "RS256" })).uid, "ada");
  t.equal(verify(jwt.sign(claims({ iss: "ec" }), ec.privateKey, { algorithm: "ES256" })).uid, "ada");
  t.equal(verify(edToken(claims({ iss: "ed" }))).uid, "ada");
});

t.test("each algorithm verifies what a library signed, and nothing with a letter changed", async (t) => {
  const pairs = {
    rsa,
    ES256: ec,
    ES384: generateKeyPairSync("ec", { namedCurve: "P-384" }),
    ES512: generateKeyPairSync("ec", { namedCurve: "P-521" }),
  };
  const options = { issuer: "each", audience: "conf" };
  for (const algorithm of ["HS", "RS", "PS", "ES"].flatMap((kind) => [256, 384, 512].map((n) => kind + n))) {
    const pair = pairs[algorithm as keyof typeof pairs] ?? rsa;
    const isShared = algorithm.startsWith("HS");
    const own = isShared ? { secret: "new" } : { public_key: pem(pair) };
    const key = compileTokenKeys([{ ...own, algorithm, ...options }]);
    const signer = isShared ? "new" : pair.privateKey;
    const token = jwt.sign(claims({ iss: "each" }), signer, { algorithm: algorithm as jwt.Algorithm });
    t.equal(verifyToken(key, token, now).uid, "ada", algorithm);
    const [head, payload, signature] = token.split(".") as [string, string, string];
    const other = (part: string) => (part[20] === "A" ? "B" : "A");
    const changed = (part: string) => part.slice(0, 20) + other(part) + part.slice(21);
    const wrong = [
      `${changed(head)}.${payload}.${signature}`,
      `${head}.${changed(payload)}.${signature}`,
      `${head}.${payload}.${changed(signature)}`,
      `${head}.${payload}.${signature.slice(1)}`,
      `${head}.${payload}.${signature}AAAA`,
      `${head}.${payload}.${signature}=`,
      ` ${token}`,
      `${token}\n`,
    ];
    for (const each of wrong) t.throws(() => verifyToken(key, each, now), { code: "auth.invalid_token" });
  }
});

t.test("nothing of a giant that no key signed is read; of one that is signed, all once", async (t) => {
  const parsed = t.capture(JSON, "parse", JSON.parse);
  const giant = encode(claims({ profile: { filler: "x".repeat(1_000_000) } }));
  for (const head of [{ alg: "HS256" }, { alg: "RS256" }, { alg: "EdDSA" }, { alg: "none" }]) {
    t.throws(() => verify(`${encode(head)}.${giant}.${"x".repeat(43)}`), { code: "auth.invalid_token" });
  }
  t.throws(() => verify(`${giant}.${giant}.${giant}`), { code: "auth.invalid_token" });
  t.strictSame(parsed(), []);
  verify(hsText(Buffer.from(giant, "base64url").toString()));
  t.equal(parsed().length, 2, "the header and the payload");
});

t.test("what a token says is taken over", async (t) => {
  const said = {
    uid: 42,
    traits: ["speaker", "admin", "admin"],
    profile: { display_name: "Ada" },
    pretalx_id: 7,
  };
  t.strictSame(verify(hs(claims(said))), {
    uid: "42",
    traits: ["admin", "speaker"],
    profile: { display_name: "Ada" },
    pretalxId: "7",
  });
});

const bad: Record<string, string> = {
  "no token": "hello",
  "three dots of nothing": "..",
  "alg none": `${encode({ alg: "none" })}.${encode(claims())}.`,
  "another secret": hs(claims(), "guessed"),
  "another issuer": hs(claims({ iss: "else" })),
  "another audience": hs(claims({ aud: "else" })),
  "another algorithm than the key's": hs(claims(), "new", { algorithm: "HS512" }),
  "a header that says none over the key's signature": hsText(JSON.stringify(claims()), "none"),
  "a header without an algorithm": hsText(JSON.stringify(claims()), null),
  "a header with several algorithms": hsText(JSON.stringify(claims()), ["HS256"]),
  "a public key used as a secret": hs(claims({ iss: "rsa" }), pem(rsa)),
  "an EdDSA token of another key": edToken(claims({ iss: "ed" }), generateKeyPairSync("ed25519").privateKey),
  "no exp": hs({ iss: "tickets", aud: "conf", uid: "ada" }),
  "an exp that is text": `${encode({ alg: "HS256" })}.${encode({ ...claims(), exp: "soon" })}.x`,
  "an exp beyond all numbers": hsText(withExp("1e400")),
  "an exp of null": hsText(withExp("null")),
  "no uid": hs(claims({ uid: undefined })),
  "an empty uid": hs(claims({ uid: "" })),
  "a uid of 201 characters": hs(claims({ uid: "x".repeat(201) })),
  "a uid that is an object": hs(claims({ uid: {} })),
  "a uid with NUL": hs(claims({ uid: "a\u0000b" })),
  "traits that are no array": hs(claims({ traits: "admin" })),
  "traits that are no strings": hs(claims({ traits: [1] })),
  "not valid yet": hs(claims({ nbf: seconds + 60 })),
  "a signature of the right bytes, written otherwise": rewritten(hs(claims())),
};

for (const [what, token] of Object.entries(bad)) {
  t.test(`auth.invalid_token: ${what}`, async (t) => {
    t.throws(() => verify(token), { code: "auth.invalid_token" });
  });
}

t.test("what is null in a token counts as absent, and a payload is read as it stands", async (t) => {
  const nothing = { traits: null, profile: null, pretalx_id: null };
  t.strictSame(verify(hsText(JSON.stringify(claims(nothing)))), verify(hs(claims())));
  t.equal(verify(hsText(withExp(String(seconds + 60)))).uid, "ada");
});

t.test("auth.expired_token: only a token that verifies, and only past the leeway", async (t) => {
  t.throws(() => verify(hs(claims({ exp: seconds - 6 }))), { code: "auth.expired_token" });
  t.equal(verify(hs(claims({ exp: seconds - 4 }))).uid, "ada");
  t.throws(() => verify(hs(claims({ exp: seconds - 60 }), "guessed")), { code: "auth.invalid_token" });
});

t.test("a token that we sign verifies", async (t) => {
  const token = signToken(keys[0]!, { uid: "op", traits: ["admin"], pretalxId: "P", expiresInSeconds: 60 });
  t.match(verify(token), { uid: "op", traits: ["admin"], pretalxId: "P" });
});

t.test("a key that cannot be used is named", async (t) => {
  const key = { issuer: "i", audience: "a" };
  t.match(compileTokenKey({ ...key }), /secret/);
  t.match(compileTokenKey({ ...key, algorithm: "none" }), /algorithm/);
  t.match(compileTokenKey({ ...key, algorithm: "RS256", secret: "x" }), /public_key/);
  t.match(compileTokenKey({ ...key, algorithm: "ES256", public_key: pem(rsa) }), /type ec/);
  t.match(compileTokenKey({ ...key, algorithm: "ES384", public_key: pem(ec) }), /curve secp384r1/);
  t.match(compileTokenKey({ ...key, algorithm: "RS256", public_key: "nonsense" }), /PEM/);
  t.match(compileTokenKey({ secret: "x" }), /issuer/);
});

t.test("ids are strings of 1 to 200 characters, or numbers as decimals", async (t) => {
  t.equal(asId("x"), "x");
  t.equal(asId(5), "5");
  t.equal(asId(1e21), "1000000000000000000000");
  t.equal(asId("👋".repeat(200)), "👋".repeat(200));
  for (const none of ["", "x".repeat(201), null, undefined, {}, [], true, Number.NaN, "a\u0000", "\ud800"]) {
    t.equal(asId(none), null);
  }
});
