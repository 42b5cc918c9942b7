#!/usr/bin/env node
/** The `foyer` command. In a checkout that is not built yet it gets it ready first. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** @param {string} path from the root of the project */
const isThere = (path) => existsSync(new URL(`../../${path}`, import.meta.url));

const COMMAND = "dist/deploy/cli/foyer.js";
// An installed Foyer has no sources, and nothing to set up.
const isCheckout = isThere("deploy/cli/foyer.ts") && isThere("deploy/setup.mjs");

if (isCheckout && !(isThere(COMMAND) && isThere("node_modules"))) {
  // To stderr: what the command itself prints may be read by a program.
  const setup = spawnSync(process.execPath, [fileURLToPath(new URL("../setup.mjs", import.meta.url))], {
    stdio: ["inherit", 2, "inherit"],
  });
  if (setup.status !== 0) process.exit(setup.status ?? 1);
}
if (!isThere(COMMAND)) {
  process.stderr.write("Foyer is not built yet: run npm run build\n");
  process.exit(1);
}
const { main } = await import(new URL(`../../${COMMAND}`, import.meta.url).href);
await main(process.argv.slice(2));
