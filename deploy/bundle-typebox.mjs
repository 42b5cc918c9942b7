/**
 * A few files in place of typebox's 700: reading those is almost half of the CPU time in which a node or a command
 * starts. They are put into the build's own node_modules/, where Node looks first.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What our code imports of it; whoever needs another part adds it here, as Node then says. */
const PARTS = { typebox: "index", "typebox/compile": "compile" };

/**
 * Needs esbuild, which is loaded here: whoever imports this may be without it.
 *
 * @param {string} root where the package is found from
 * @param {string} dist the build
 * @throws Error when a part is not there
 */
export async function bundleTypebox(root, dist) {
  const { build } = await import("esbuild");
  const target = join(dist, "node_modules", "typebox");
  mkdirSync(target, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: Object.entries(PARTS).map(([part, out]) => ({ in: part, out })),
    bundle: true,
    // Parts that both need stay one, as in the package.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    outdir: target,
    logLevel: "error",
  });
  const exports = Object.fromEntries(
    Object.entries(PARTS).map(([part, out]) => [part.replace("typebox", "."), `./${out}.js`]),
  );
  writeFileSync(
    join(target, "package.json"),
    JSON.stringify({ name: "typebox", type: "module", private: true, exports }, null, 2),
  );
}
