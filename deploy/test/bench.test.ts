/** The quick form of `npm run bench`: rows without peers to install, and the hot pieces by themselves. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import t from "tap";
import { tableOf } from "../bench/document.ts";
import { rows, verdictOf } from "../bench/rows.ts";

const program = fileURLToPath(new URL("../../dist/deploy/bench/main.js", import.meta.url));
// biome-ignore lint/style/noProcessEnv: what starting a program takes, and nothing of ours
const { PATH, HOME } = process.env;

async function run(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { env: { PATH, HOME } });
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (text: Buffer) => {
      written[name] += text.toString();
    });
  }
  const [code] = await once(child, "close");
  return { code, ...written };
}

t.test("a finding is met, within the floor, or missed", async (t) => {
  const of = (id: string, value: number) => verdictOf(rows.find((row) => row.id === id)!, value);
  t.strictSame(
    [of("fetch-echo", 0.5), of("fetch-echo", 0.45), of("fetch-echo", 0.39)],
    ["met", "floor", "missed"],
  );
  t.strictSame([of("search", 20), of("search", 21), of("search", 51)], ["met", "floor", "missed"]);
  const finding = { value: 0.45, said: "1/s against 2/s", at: "2000-01-01", machine: "a machine" };
  const table = tableOf({ "fetch-echo": finding });
  t.match(table, /echo \| 0\.45 \| 0\.5 \| 0\.4 \| floor \| 1\/s against 2\/s; 2000-01-01 \|/);
  t.equal(table.match(/not measured yet/g)?.length, rows.length - 1);
});

t.test("rows that take no install are measured for a moment", async (t) => {
  const { code, stdout, stderr } = await run("--short", "--rows", "idle,deliveries");
  t.equal(code, 0, stderr);
  t.equal(stdout.match(/\| now?; now \||; now \|/g)?.length, 2, stdout);
});

t.test("the hot pieces are measured", async (t) => {
  const { code, stdout } = await run("micro", "--short");
  t.equal(code, 0);
  t.equal(stdout.match(/^\| [a-z].* \| \d+\.\d{3} \| [\d,]+ \|$/gm)?.length, 9, stdout);
});
