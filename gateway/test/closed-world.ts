/** A world that admits by ticket alone, and the private halves of its keys, for the tests of protocol 2. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { KEY } from "./conformance.ts";

export const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
export const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
export const ed = generateKeyPairSync("ed25519");
export const pem = (key: KeyObject) => key.export({ type: "spki", format: "pem" }).toString();
const { issuer, audience } = KEY;

/** Admits by ticket alone; keys of every kind, three of them of one issuer. */
export const closedWorld = {
  world: {
    id: "closed",
    title: "Closed",
    connection_limit: 2,
    JWT_secrets: [
      KEY,
      { secret: "the next key", issuer, audience },
      { secret: "longer", algorithm: "HS512", issuer, audience },
      { public_key: pem(rsa.publicKey), algorithm: "RS256", issuer: "rsa", audience },
      { public_key: pem(ec.publicKey), algorithm: "ES256", issuer: "ec", audience },
      { public_key: pem(ed.publicKey), algorithm: "EdDSA", issuer: "ed", audience },
    ],
    trait_badges_map: { speaker: "Speaker", talk: "Speaker", crew: "Crew" },
    pretalx: { domain: "https://pretalx.example", event: "demo" },
    profile_fields: [{ id: "company", label: "Company", type: "text" }],
    social_logins: ["linkedin"],
    onsite_traits: ["onsite"],
    iframe_blockers: { default: { enabled: true, policy_url: "https://x.example" } },
    videoplayer: { secret_of_ours: "hush" },
  },
  roles: {
    attendee: ["world:view"],
    viewer: ["room:view", "room:chat.read", "world:announce"],
    crew: ["room:announce", "world:connections.unlimited"],
  },
  trait_grants: { attendee: ["ticket", ["day-1", "day-2"]], crew: ["crew"] },
  rooms: [
    {
      id: "z-first",
      name: "First",
      description: "D",
      picture: "https://x.example/p.png",
      pretalx_id: 130,
      force_join: true,
      schedule_data: { session: 1 },
      trait_grants: { viewer: [] },
      modules: [
        { type: "livestream.native", config: { hls_url: "https://x.example/s.m3u8" } },
        { type: "call.bigbluebutton", config: { secret: "hush" } },
        { type: "call.janus", config: { server: { token: "hush" } } },
      ],
    },
    { id: "unlisted", name: "Unlisted" },
    { id: "a-last", name: "Last", trait_grants: { viewer: ["vip"] } },
  ],
};

/** Traits that let somebody in. */
export const ticket = ["ticket", "day-1"];
