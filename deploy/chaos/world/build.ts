/** Which compiled code the nodes of a chaos cluster run: the checkout's, or a copy in which something is switched off. */
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One edit of compiled code. */
export interface SourceEdit {
  /** Below `dist/`. */
  file: string;
  /** Must stand there exactly once. */
  find: string;
  replace: string;
}

/** The checkout: this file runs from deploy/chaos/world/ or dist/deploy/chaos/world/. */
export function findRoot(): string {
  const up = ["../../../", "../../../../"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = up.find((path) => existsSync(join(path, "package.json")));
  if (found === undefined) throw new Error("no package.json above this file: chaos runs in a checkout");
  return found;
}

/**
 * Copies what nodes need of the checkout, with edits.
 *
 * @param folder does not exist yet
 * @throws Error when the text of an edit is not there any more: then the code has changed, and the edit must too
 */
export function copyBuild(folder: string, edits: readonly SourceEdit[]): void {
  const root = findRoot();
  mkdirSync(folder, { recursive: true });
  for (const part of [
    "dist/core",
    "dist/gateway",
    "dist/shared",
    "dist/deploy",
    "deploy/bin",
    "package.json",
  ]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const { file, find, replace } of edits) {
    const path = join(folder, "dist", file);
    const code = readFileSync(path, "utf8");
    const times = code.split(find).length - 1;
    if (times !== 1) throw new Error(`dist/${file} has ${times} times, not once: ${find}`);
    writeFileSync(
      path,
      code.replace(find, () => replace),
    );
  }
}
