/** Who logs in: guests by a `client_id`, people by a token that is signed here, as a ticket system would. */
import { createHmac } from "node:crypto";

/** The key that the world under load knows (`world.ts`). */
export interface SigningKey {
  secret: string;
  issuer: string;
  audience: string;
}

/** Who a run's members are. The same seed gives the same people again. */
export interface People {
  /** `mixed`: every other one by a token. */
  kind: "guest" | "token" | "mixed";
  seed: string;
  /** For tokens. */
  key?: SigningKey | undefined;
  /** Traits of each. */
  traits?: string[];
}

const EXPIRES_S = 86_400;
const FIRST = ["Ada", "Miriam", "Anton", "Bela", "Chidi", "Dora", "Emil", "Fatima", "Grace", "Hana", "Ivo"];
const LAST = ["Lovelace", "Okafor", "Berg", "Castellanos", "Diaz", "Eriksen", "Fontaine", "Gruber", "Hopper"];
const CITIES = ["Berlin", "Lagos", "Oslo", "Lima", "Kyoto", "Porto", "Ghent"];

/** The payload of `authenticate` of the user at `index`, as JSON. */
export function loginOf({ kind, seed, key, traits }: People, index: number): string {
  if (kind === "guest" || (kind === "mixed" && index % 2 === 0))
    return `{"client_id":"load-${seed}-${index}"}`;
  if (key === undefined) throw new Error("logins by token take a key to sign with: --secret");
  return `{"token":"${signToken(key, `${seed}-${index}`, profileOf(index), traits)}"}`;
}

/** A login token of HS256. */
function signToken(key: SigningKey, uid: string, profile: object, traits: string[] = []): string {
  const exp = Math.floor(Date.now() / 1000) + EXPIRES_S;
  const claims = { iss: key.issuer, aud: key.audience, exp, uid, traits, profile };
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${text}.${createHmac("sha256", key.secret).update(text).digest("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** Names that repeat as those of people do. */
function profileOf(index: number): object {
  const pick = (list: readonly string[], by: number) => list[Math.floor(index / by) % list.length]!;
  const name = `${pick(FIRST, 1)} ${pick(LAST, FIRST.length)} ${index}`;
  return { display_name: name, fields: { city: pick(CITIES, 3), organisation: `Org ${index % 997}` } };
}
