/**
 * Login tokens: JWS whose algorithm is pinned by the world's key, never chosen by the token. Nothing in a token is
 * read before its signature is known to be a key's: anybody may send a large one. Pure: keys and a token go in,
 * claims or a refusal come out.
 */
import {
  constants,
  createHmac,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  type SigningOptions,
  timingSafeEqual,
  verify as verifySignature,
} from "node:crypto";
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

/** What a signature of one algorithm is made with (RFC 7518, RFC 8037), in the words of node:crypto. */
interface TokenAlgorithm {
  /** Null: the key's own. */
  hash: string | null;
  /** Of the key; "secret": one that both sides have. */
  type: "secret" | "rsa" | "ec" | "ed25519";
  curve?: string;
  options?: SigningOptions;
}

const pss: SigningOptions = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};
const ecdsa: SigningOptions = { dsaEncoding: "ieee-p1363" };

/** Algorithms that a key may name. */
const tokenAlgorithms: Readonly<Record<string, TokenAlgorithm>> = {
  HS256: { hash: "sha256", type: "secret" },
  HS384: { hash: "sha384", type: "secret" },
  HS512: { hash: "sha512", type: "secret" },
  RS256: { hash: "sha256", type: "rsa" },
  RS384: { hash: "sha384", type: "rsa" },
  RS512: { hash: "sha512", type: "rsa" },
  PS256: { hash: "sha256", type: "rsa", options: pss },
  PS384: { hash: "sha384", type: "rsa", options: pss },
  PS512: { hash: "sha512", type: "rsa", options: pss },
  ES256: { hash: "sha256", type: "ec", curve: "prime256v1", options: ecdsa },
  ES384: { hash: "sha384", type: "ec", curve: "secp384r1", options: ecdsa },
  ES512: { hash: "sha512", type: "ec", curve: "secp521r1", options: ecdsa },
  EdDSA: { hash: null, type: "ed25519" },
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
  const { type, curve } = tokenAlgorithms[algorithm]!;
  if (type === "secret") {
    if (typeof secret !== "string" || secret === "") return `a secret, as ${algorithm} needs one`;
    return { key: createSecretKey(Buffer.from(secret)), algorithm, issuer, audience, secret };
  }
  if (typeof publicKey !== "string") return `a public_key in PEM, as ${algorithm} needs one`;
  try {
    const key = createPublicKey(publicKey);
    if (key.asymmetricKeyType !== type) return `a public_key of type ${type}, as ${algorithm} needs one`;
    if (key.asymmetricKeyDetails?.namedCurve !== curve)
      return `a public_key on the curve ${curve}, as ${algorithm} needs one`;
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
  const claims = signedClaims(keys, token);
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

/** A compact JWS: what is signed, which is a header and a payload, and the signature. */
const compactJws = /^(([\w-]+)\.([\w-]+))\.([\w-]+)$/;

/** What a token says whose signature is that of one of the keys, and which is meant for that key. */
function signedClaims(keys: readonly TokenKey[], token: string): jwt.JwtPayload {
  const [, input = "", header = "", payload = "", signature = ""] = compactJws.exec(token) ?? [];
  const bytes = Buffer.from(input, "latin1");
  const signers = signature === "" ? [] : keys.filter((key) => isSignedBy(key, bytes, signature));
  if (signers.length === 0) throw new Refusal("auth.invalid_token");
  const head = readObject(header);
  const claims = readObject(payload);
  // `crit` names what a verifier must understand or refuse (RFC 7515); here nothing of that kind is understood.
  const isUsable =
    head !== null &&
    claims !== null &&
    head.crit === undefined &&
    signers.some((key) => head.alg === key.algorithm && isMeantFor(key, claims));
  if (!isUsable) throw new Refusal("auth.invalid_token");
  return withExactIds(claims, payload);
}

function isSignedBy({ key, algorithm }: TokenKey, input: Buffer, signature: string): boolean {
  const { hash, type, options } = tokenAlgorithms[algorithm]!;
  if (type !== "secret") {
    return verifySignature(hash, input, { key, ...options }, Buffer.from(signature, "base64url"));
  }
  // Compared as text: several texts stand for the same bytes, and only one of them is the signature.
  const expected = Buffer.from(createHmac(hash!, key).update(input).digest("base64url"));
  return signature.length === expected.length && timingSafeEqual(Buffer.from(signature), expected);
}

function isMeantFor({ issuer, audience }: TokenKey, { iss, aud }: jwt.JwtPayload): boolean {
  return iss === issuer && (Array.isArray(aud) ? aud : [aud]).includes(audience);
}

/** A part of a token as JSON; null when it is no object. */
function readObject(part: string): jwt.JwtPayload | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" ? value : null;
  } catch {
    // No JSON; told apart from a bad signature for nobody.
    return null;
  }
}

/** Long numbers as their digits: as doubles two people's ids could become one. */
function withExactIds(claims: jwt.JwtPayload, payload: string): jwt.JwtPayload {
  const long = ["uid", "pretalx_id"].filter((name) => isLongInteger(claims[name]));
  if (long.length === 0) return claims;
  const json = Buffer.from(payload, "base64url").toString();
  const exact = JSON.parse(quoteLongIntegers(json)) as jwt.JwtPayload;
  return { ...claims, ...Object.fromEntries(long.map((name) => [name, exact[name]])) };
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
