/** Login tokens, signed as a ticket system would. */
import jwt from "jsonwebtoken";
import type { Sql } from "../../core/sql/database.ts";
import { signingKey } from "../../core/world-file.ts";
export async function signLoginToken(
  sql: Sql,
  world: string,
  claims: { uid: string; traits: string[]; profile: object; expiresInSeconds: number },
): Promise<string | null> {
  const key = await signingKey(sql, world);
  if (key === null) return null;
  const { expiresInSeconds, ...payload } = claims;
  return jwt.sign(payload, key.secret!, {
    algorithm: key.algorithm as never,
    issuer: key.issuer,
    audience: key.audience,
    expiresIn: expiresInSeconds,
  });
}
