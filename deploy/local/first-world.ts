/** The world that a local cluster starts with, and the key that its login tokens are signed with. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Sql } from "../../core/sql/database.ts";
import { exportWorld, importWorld, WorldFileError } from "../../core/world-file.ts";

/** A world file as far as it is looked into here; `importWorld` checks all of it. */
interface LooseWorldFile {
  world?: { id?: unknown; title?: unknown; JWT_secrets?: unknown };
}

/**
 * Puts the world in place: the sample only where it is missing, so that what was changed since stays; a file that
 * was asked for always.
 *
 * @param file `--world`; null: the sample world
 * @returns its id and title
 * @throws Error naming the file and what is wrong with it
 */
export async function placeWorld(sql: Sql, file: string | null): Promise<{ id: string; title: string }> {
  const path = file ?? new URL("../worlds/sample.json", import.meta.url);
  const content = parse(path, readFileSync(path, "utf8"));
  const id = String(content.world?.id);
  const before = await exportWorld(sql, id);
  if (before === null || file !== null) {
    try {
      await importWorld(sql, null, withSigningKey(content, id, before?.world.JWT_secrets));
    } catch (error) {
      if (!(error instanceof WorldFileError)) throw error;
      const faults = error.faults.map((fault) => `  ${fault.path}: expected ${fault.expected}`);
      throw new Error(`${path}: ${error.message}\n${faults.join("\n")}`);
    }
  }
  const { world } = (await exportWorld(sql, id))!;
  return { id, title: String(world.title) };
}

/** A file without keys keeps those that the world has, or gets one of its own: no file carries a secret. */
function withSigningKey(content: LooseWorldFile, id: string, before: unknown): LooseWorldFile {
  const { world } = content;
  const isMissing =
    world?.JWT_secrets === undefined || (Array.isArray(world.JWT_secrets) && world.JWT_secrets.length === 0);
  if (world === undefined || !isMissing) return content;
  const kept = Array.isArray(before) && before.length > 0 ? before : null;
  const made = [{ secret: randomBytes(32).toString("base64url"), issuer: "foyer-local", audience: id }];
  return { ...content, world: { ...world, JWT_secrets: kept ?? made } };
}

function parse(path: string | URL, text: string): LooseWorldFile {
  try {
    return JSON.parse(text) as LooseWorldFile;
  } catch (error) {
    throw new Error(`${path} is no JSON: ${(error as Error).message}`);
  }
}
