/** `foyer token`: login tokens, signed as a ticket system would. */
import type { Sql } from "../../core/sql/database.ts";
import { selectWorldVersion } from "../../core/sql/worlds.ts";
import { asId, signToken, type TokenRequest } from "../../core/tokens.ts";
import { signingKey } from "../../core/world-file.ts";
import { Failure, type Io, WrongUsage } from "./failure.ts";
import { type StoreOptions, withDatabase } from "./stores.ts";

/** The options of `foyer token`. */
export interface TokenOptions extends StoreOptions {
  world: string;
  uid: string;
  traits?: string[];
  /** JSON. */
  profile?: string;
  pretalxId?: string;
  /** Seconds. */
  expiresIn: number;
}

/** Signs with the world's first key that has a secret; null when it has none, or there is no such world. */
export async function signLoginToken(sql: Sql, world: string, request: TokenRequest): Promise<string | null> {
  const key = await signingKey(sql, world);
  return key === null ? null : signToken(key, request);
}

/** Prints a login token. */
export async function runToken(options: TokenOptions, io: Io): Promise<number> {
  const { world, uid, traits, pretalxId } = options;
  for (const [name, value] of Object.entries({ "--uid": uid, "--pretalx-id": pretalxId })) {
    if (value !== undefined && asId(value) === null) {
      throw new WrongUsage(`${name} has to be 1 to 200 characters`);
    }
  }
  const profile = options.profile === undefined ? undefined : parseProfile(options.profile);
  return await withDatabase(io, options, async (sql) => {
    const token = await signLoginToken(sql, world, {
      uid,
      ...(traits === undefined ? {} : { traits }),
      ...(profile === undefined ? {} : { profile }),
      ...(pretalxId === undefined ? {} : { pretalxId }),
      expiresInSeconds: options.expiresIn,
    });
    if (token === null) throw new Failure(await whyUnsigned(sql, world));
    io.stdout.write(`${token}\n`);
    return 0;
  });
}

function parseProfile(text: string): Record<string, unknown> {
  let profile: unknown;
  try {
    profile = JSON.parse(text);
  } catch {
    // Said below, as for JSON that is no object.
    profile = null;
  }
  if (typeof profile !== "object" || profile === null || Array.isArray(profile)) {
    throw new WrongUsage(`--profile has to be a JSON object, such as '{"display_name": "Ada"}'`);
  }
  return profile as Record<string, unknown>;
}

async function whyUnsigned(sql: Sql, world: string): Promise<string> {
  return (await selectWorldVersion(sql, world)) === undefined
    ? `there is no world "${world}": foyer world list shows those there are`
    : `world "${world}" has no key with a secret to sign with: add one to JWT_secrets of its file and import it`;
}
