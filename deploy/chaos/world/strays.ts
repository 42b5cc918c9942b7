/** Nodes write one JSON object a line, whatever happens to them. */
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";

/** @returns the lines of these logs that are none, each with the name of its file */
export function straysIn(files: readonly string[]): string[] {
  return files.filter(existsSync).flatMap((file) =>
    readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "" && !isObject(line))
      .map((line) => `${basename(file)}: ${line}`),
  );
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    // A process that was killed may have written half a line; whatever begins as one of ours was one.
    return line.startsWith('{"level":');
  }
}
