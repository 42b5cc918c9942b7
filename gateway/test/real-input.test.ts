/** Input as it comes from outside: tokens that ticket systems sign, a world of many rooms. */
import { generateKeyPairSync, randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { startTestCluster } from "../../shared/testing/cluster.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = (key: typeof rsa.publicKey) => key.export({ type: "spki", format: "pem" }).toString();
const privatePem = (key: typeof rsa.privateKey) => key.export({ type: "pkcs8", format: "pem" }).toString();

const issuer = "https://tickets.example";
const audience = "bigconf";

const world = {
  world: {
    id: "bigconf",
    title: "Big Conference",
    JWT_secrets: [
      { secret: "the old one, being rotated out", issuer, audience },
      { secret: "the new one", issuer, audience },
      { public_key: pem(rsa.publicKey), algorithm: "RS256", issuer, audience },
      { public_key: pem(ec.publicKey), algorithm: "ES256", issuer: "https://partner.example", audience },
    ],
    profile_fields: [{ id: "company", label: "Company", type: "text", searchable: true }],
  },
  roles: {
    attendee: ["world:view", "room:view"],
    speaker: ["world:view", "room:view", "room:chat.moderate"],
  },
  trait_grants: { attendee: ["ticket"], speaker: ["ticket", ["speaker", "keynote"]] },
  rooms: Array.from({ length: 40 }, (_, i) => ({
    id: `room-${i + 1}`,
    name: `Room ${i + 1}`,
    description: "Talks, questions and polls. ".repeat(20),
    trait_grants: i >= 38 ? { backstage: ["crew"] } : {},
    modules: [
      { type: "livestream.native", config: { hls_url: `https://stream.example/${i}.m3u8` } },
      { type: "call.bigbluebutton", config: { bbb_secret: `secret-${i}` } },
    ],
  })),
};

t.test("tokens signed elsewhere, and a world of 40 rooms", async (t) => {
  const cluster = await startTestCluster(t, { gateways: 2, workers: 2, worlds: [world] });
  const logIn = async (token: string, gateway = 0) => {
    const client = await connectClient(cluster.gateways[gateway]!.world("bigconf"));
    client.send(["authenticate", { token }]);
    const frame = await client.next();
    client.end();
    return frame;
  };
  const sign = (key: string, options: jwt.SignOptions, claims: object = {}) =>
    jwt.sign({ uid: randomUUID(), traits: ["ticket"], ...claims }, key, {
      issuer,
      audience,
      expiresIn: "1h",
      ...options,
    });

  t.test("every key of the world lets in", async (t) => {
    const tokens = [
      sign("the old one, being rotated out", { algorithm: "HS256" }),
      sign("the new one", { algorithm: "HS256" }),
      sign(privatePem(rsa.privateKey), { algorithm: "RS256" }),
      sign(privatePem(ec.privateKey), { algorithm: "ES256", issuer: "https://partner.example" }),
    ];
    for (const token of tokens) {
      const [action, payload] = await logIn(token);
      t.equal(action, "authenticated");
      const { rooms, permissions } = payload["world.config"];
      t.equal(rooms.length, 40);
      t.strictSame(permissions, ["room:view", "world:view"]);
      t.notMatch(JSON.stringify(payload), /secret-/, "no secret of a call leaves the server");
    }
  });

  t.test("the same person on either node is the same account", async (t) => {
    const token = sign(privatePem(rsa.privateKey), { algorithm: "RS256" }, { uid: 4711 });
    const [here, there] = [await logIn(token, 0), await logIn(token, 1)];
    t.equal(here[1]["user.config"].id, there[1]["user.config"].id);
  });

  t.test("requirements of a role: all of them, one of a list", async (t) => {
    const speaker = sign("the new one", {}, { traits: ["ticket", "keynote"] });
    t.ok((await logIn(speaker))[1]["world.config"].permissions.includes("room:chat.moderate"));
  });

  t.test("what nobody signed for this world stays out", async (t) => {
    const wrong: [string, string][] = [
      [sign("the new one", { algorithm: "HS512" }), "another algorithm than the key's"],
      [sign(pem(rsa.publicKey), { algorithm: "HS256" }), "the public key as a secret"],
      [sign("the new one", { audience: "other" }), "for another audience"],
      [sign("the new one", { issuer: "https://partner.example" }), "another issuer's name"],
      [sign(privatePem(ec.privateKey), { algorithm: "ES256" }), "a key of another issuer"],
      [`${sign("the new one", {}).split(".").slice(0, 2).join(".")}.`, "without a signature"],
    ];
    for (const [token, about] of wrong) {
      t.strictSame(await logIn(token), ["error", { code: "auth.invalid_token" }], about);
    }
    const expired = sign("the new one", { expiresIn: -60 });
    t.strictSame(await logIn(expired), ["error", { code: "auth.expired_token" }]);
    const noTicket = sign("the new one", {}, { traits: [] });
    t.match(await logIn(noTicket), ["error", { code: "auth.denied" }]);
  });
});
