/** `npm run dev`: builds anew whenever a source is saved. */
import { spawn } from "node:child_process";
import { existsSync, watch } from "node:fs";
import { join } from "node:path";

/** Editors save in several steps. */
const SETTLE_MS = 150;
const folders = ["gateway", "core", "shared", "deploy"];

/**
 * @param root the project's folder
 * @param onBuilt a build that succeeded; one that did not has printed why
 * @returns stops watching
 */
export function watchSources(root: string, onBuilt: () => void): () => void {
  let timer: NodeJS.Timeout | null = null;
  let building = false;
  let again = false;
  const build = () => {
    if (building) {
      again = true;
      return;
    }
    building = true;
    const child = spawn(process.execPath, [join(root, "deploy/build.mjs")], { stdio: "inherit" });
    child.once("exit", (code) => {
      building = false;
      if (again) {
        again = false;
        return build();
      }
      if (code === 0) onBuilt();
    });
  };
  const watchers = folders
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .map((folder) =>
      watch(folder, { recursive: true }, (_event, file) => {
        if (!/\.(ts|sql|lua|json)$/.test(String(file))) return;
        if (timer !== null) clearTimeout(timer);
        timer = setTimeout(build, SETTLE_MS);
      }),
    );
  return () => {
    if (timer !== null) clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}
