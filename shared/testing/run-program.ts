/** Runs one of the project's compiled programs to its end, as somebody does on the command line. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { inherited } from "./node.ts";

/**
 * @param file below `dist/`
 * @returns its exit status, null after a signal, and all that it wrote
 */
export async function runProgram(
  file: string,
  args: readonly string[],
): Promise<{ code: number | null; written: string }> {
  const program = fileURLToPath(new URL(`../../dist/${file}`, import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { env: inherited() });
  let written = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text: Buffer) => {
      written += text.toString();
    });
  }
  const [code] = await once(child, "close");
  return { code, written };
}
