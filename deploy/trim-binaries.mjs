/**
 * Takes uWebSockets.js' builds for other systems and versions of Node out of node_modules/: they are nine tenths of
 * an image. For the image only. Only node: modules. Usage: node deploy/trim-binaries.mjs
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "node_modules", "uWebSockets.js");
const ours = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;

if (!existsSync(join(folder, ours))) {
  process.stderr.write(`uWebSockets.js has no build for this system: ${ours} is not in ${folder}\n`);
  process.exit(1);
}
for (const name of readdirSync(folder)) {
  if (/^uws_.*\.node$/.test(name) && name !== ours) rmSync(join(folder, name));
}
