/**
 * Login tokens: JWS whose algorithm is pinned by the world's key, never chosen by the token. Pure: keys and a
 * token go in, claims or a refusal come out.
 */
import { createPublicKey, createSecretKey, type KeyObject, verify as verifySignature } from "node:crypto";
import jwt from "jsonwebtoken";
import { isLongInteger, quoteLongIntegers } from "../shared/long-integers.ts";
import { Refusal } from "../shared/protocol/errors.ts";
import { isStorable } from "./storable.ts";

/** A key of the world's `JWT_secrets`, made ready once: parsing it for every login would cost 30 times as much. */
export interface TokenKey {
  key: KeyObject;
  algorithm: string;
  issuer: string;
  audience: string;
  /** The shared secret, where it is one: only such a key can sign. */
  secret: string | null;
}

/** What a kiosk's token says: which account it is for. */
export interface KioskClaims {
  kioskId: string;
  uid?: undefined;
}

/** What a token says of a person. */
export interface Claims {
  uid: string;
  traits: string[];
  profile: Record<string, unknown>;
  pretalxId: string | null;
}

/** Algorithms that a key may name, with the type its key must have. */
const tokenAlgorithms: Readonly<Record<string, "secret" | "rsa" | "ec" | "ed25519">> = {
  HS256: "secret",
  HS384: "secret",
  HS512: "secret",
  RS256: "rsa",
  RS384: "rsa",
  RS512: "rsa",
  PS256: "rsa",
  PS384: "rsa",
  PS512: "rsa",
  ES256: "ec",
  ES384: "ec",
  ES512: "ec",
  EdDSA: "ed25519",
};

/** A clock that is off by so much, ours or the ticket system's, locks nobody out. */
const LEEWAY_S = 5;

/** The longest id that an account is found by. */
const MAX_ID_CHARACTERS = 200;

/**
 * Makes the keys ready. One that cannot be used is left out: `import` refuses such a file, so it can only be one
 * from before a check existed, and the world's other keys must go on working.
 */
export function compileTokenKeys(secrets: unknown): TokenKey[] {
  if (!Array.isArray(secrets)) return [];
  return secrets.flatMap((entry) => {
    const key = compileTokenKey(entry);
    return typeof key === "string" ? [] : [key];
  });
}

/** Makes one entry of `JWT_secrets` ready, or says what is wrong with it. */
export function compileTokenKey(entry: Record<string, unknown>): TokenKey | string {
  const { secret, public_key: publicKey, issuer, audience, algorithm = "HS256" } = entry;
  if (typeof issuer !== "string" || typeof audience !== "string")
    return "an issuer and an audience, both strings";
  if (typeof algorithm !== "string" || !Object.hasOwn(tokenAlgorithms, algorithm)) {
    return `an algorithm out of ${Object.keys(tokenAlgorithms).join(", ")}`;
  }
  const type = tokenAlgorithms[algorithm];
  if (type === "secret") {
    if (typeof secret !== "string" || secret === "") return `a secret, as ${algorithm} needs one`;
    return { key: createSecretKey(Buffer.from(secret)), algorithm, issuer, audience, secret };
  }
  if (typeof publicKey !== "string") return `a public_key in PEM, as ${algorithm} needs one`;
  try {
    const key = createPublicKey(publicKey);
    if (key.asymmetricKeyType !== type) return `a public_key of type ${type}, as ${algorithm} needs one`;
    return { key, algorithm, issuer, audience, secret: null };
  } catch {
    // What OpenSSL says of a broken PEM helps nobody; the path and this text do.
    return "a public_key that is a public key in PEM";
  }
}

/**
 * Verifies a login token.
 *
 * @param now ms since the epoch
 * @throws Refusal `auth.invalid_token`, `auth.expired_token`
 */
export function verifyToken(keys: readonly TokenKey[], token: string, now: number): Claims | KioskClaims {
  const decoded = decode(token);
  const verified = keys.some(
    (key) => key.algorithm === decoded.algorithm && verifies(key, token, decoded.claims),
  );
  if (!verified) throw new Refusal("auth.invalid_token");
  const { claims } = decoded;
  const seconds = now / 1000;
  // 1e400 is a number in JSON, and endless here.
  if (!Number.isFinite(claims.exp)) throw new Refusal("auth.invalid_token");
  if (claims.nbf !== undefined && !(Number(claims.nbf) <= seconds + LEEWAY_S))
    throw new Refusal("auth.invalid_token");
  if (claims.exp! + LEEWAY_S <= seconds) throw new Refusal("auth.expired_token");
  return claims.uid === undefined && typeof claims.kiosk_id === "string"
    ? { kioskId: claims.kiosk_id }
    : readClaims(claims);
}

function decode(token: string): { algorithm: string; claims: jwt.JwtPayload } {
  let decoded: jwt.Jwt | null = null;
  try {
    decoded = jwt.decode(token, { complete: true });
  } catch {
    // A header or a payload that is no JSON; told apart from a bad signature for nobody.
  }
  const isObject = typeof decoded?.payload === "object" && decoded.payload !== null;
  // `crit` names what a verifier must understand or refuse (RFC 7515); here nothing of that kind is understood.
  if (decoded === null || !isObject || decoded.header.crit !== undefined) {
    throw new Refusal("auth.invalid_token");
  }
  return { algorithm: decoded.header.alg, claims: withExactIds(decoded.payload as jwt.JwtPayload, token) };
}

/** Long numbers as their digits: as doubles two people's ids could become one. */
function withExactIds(claims: jwt.JwtPayload, token: string): jwt.JwtPayload {
  const long = ["uid", "pretalx_id"].filter((name) => isLongInteger(claims[name]));
  if (long.length === 0) return claims;
  const json = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
  const exact = JSON.parse(quoteLongIntegers(json)) as jwt.JwtPayload;
  return { ...claims, ...Object.fromEntries(long.map((name) => [name, exact[name]])) };
}

function verifies(key: TokenKey, token: string, claims: jwt.JwtPayload): boolean {
  const audiences = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  if (claims.iss !== key.issuer || !audiences.includes(key.audience)) return false;
  if (key.algorithm === "EdDSA") return verifiesEd25519(key, token);
  try {
    // Times are judged by the caller, so that a token of a wrong key is never called expired.
    jwt.verify(token, key.key, {
      algorithms: [key.algorithm as jwt.Algorithm],
      ignoreExpiration: true,
      ignoreNotBefore: true,
    });
    return true;
  } catch {
    // Not this key's signature; another key of the same issuer may fit.
    return false;
  }
}

/** jsonwebtoken has no EdDSA (RFC 8037); Node has. */
function verifiesEd25519(key: TokenKey, token: string): boolean {
  const at = token.lastIndexOf(".");
  return verifySignature(
    null,
    Buffer.from(token.slice(0, at)),
    key.key,
    Buffer.from(token.slice(at + 1), "base64url"),
  );
}

function readClaims(claims: jwt.JwtPayload): Claims {
  const uid = asId(claims.uid);
  const traits = claims.traits ?? [];
  const profile = claims.profile ?? {};
  // Some systems send an empty one for whoever is no speaker.
  const given = claims.pretalx_id === "" ? null : (claims.pretalx_id ?? null);
  const pretalxId = given === null ? null : asId(given);
  const usable =
    uid !== null &&
    Array.isArray(traits) &&
    traits.every((trait) => typeof trait === "string") &&
    isStorable(traits) &&
    typeof profile === "object" &&
    !Array.isArray(profile) &&
    isStorable(profile) &&
    (given === null || pretalxId !== null);
  if (!usable) throw new Refusal("auth.invalid_token");
  return { uid, traits: [...new Set<string>(traits)].sort(), profile, pretalxId };
}

/**
 * An id as accounts are found by it: a string of 1 to 200 characters, or a number taken as its decimal string.
 *
 * @returns null for anything else
 */
export function asId(value: unknown): string | null {
  const text =
    typeof value === "number" && Number.isFinite(value)
      ? Number.isInteger(value)
        ? BigInt(value).toString()
        : String(value)
      : value;
  if (typeof text !== "string" || text === "" || !isStorable(text)) return null;
  // Counted as the database counts, by code point; only a long one needs it.
  return text.length <= MAX_ID_CHARACTERS || [...text].length <= MAX_ID_CHARACTERS ? text : null;
}

/** What to sign into a token. */
export interface TokenRequest {
  uid: string;
  traits?: readonly string[];
  profile?: Record<string, unknown>;
  pretalxId?: string;
  expiresInSeconds: number;
}

/** Signs a login token. `key` is one of the world's `JWT_secrets` that has a secret. */
export function signToken(key: TokenKey, request: TokenRequest): string {
  const claims = {
    uid: request.uid,
    ...(request.traits === undefined ? {} : { traits: request.traits }),
    ...(request.profile === undefined ? {} : { profile: request.profile }),
    ...(request.pretalxId === undefined ? {} : { pretalx_id: request.pretalxId }),
  };
  return jwt.sign(claims, key.key, {
    algorithm: key.algorithm as jwt.Algorithm,
    issuer: key.issuer,
    audience: key.audience,
    expiresIn: request.expiresInSeconds,
  });
}

/** Signs a token that logs in to a kiosk's account and never makes one. `key` is as for `signToken`. */
export function signKioskToken(key: TokenKey, kioskId: string, expiresInSeconds: number): string {
  return jwt.sign({ kiosk_id: kioskId }, key.key, {
    algorithm: key.algorithm as jwt.Algorithm,
    issuer: key.issuer,
    audience: key.audience,
    expiresIn: expiresInSeconds,
  });
}
