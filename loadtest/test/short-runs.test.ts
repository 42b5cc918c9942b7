/** The short variant of every scenario, each against a cluster of its own: what they promise has to hold. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import t from "tap";

const program = fileURLToPath(new URL("../../dist/loadtest/main.js", import.meta.url));
// biome-ignore lint/style/noProcessEnv: what starting a program takes, and nothing of ours
const { PATH, HOME } = process.env;

async function run(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args, "--short"], { env: { PATH, HOME } });
  let written = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text: Buffer) => {
      written += text.toString();
    });
  }
  const [code] = await once(child, "close");
  return { code, written };
}

for (const args of [["fetch"], ["logins"], ["updates"], ["updates", "--kill-worker-at", "1"], ["overload"]]) {
  t.test(`${args.join(" ")} keeps its promises`, async (t) => {
    const { code, written } = await run(...args);
    t.equal(code, 0, written);
    t.match(written, "all promises kept");
  });
}
