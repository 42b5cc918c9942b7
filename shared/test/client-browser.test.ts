/** What a page loads with the client: files of ours that use nothing that only Node has. */
import { readFileSync } from "node:fs";
import t from "tap";
import { connectFoyer } from "../client/connect.ts";

/** What stays of a file's imports and exports once types are erased. */
const modules = /^(?:import|export)\s+(?!type\s)(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']/gm;
const dynamicImport = /\b(?:import|require)\s*\(/;
const nodeGlobals = /\b(?:process|Buffer|setImmediate|__dirname|NodeJS)\b/;

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");

/** All files that an import of `entry` loads. */
function walk(entry: URL, seen = new Map<string, string>()): Map<string, string> {
  if (seen.has(entry.href)) return seen;
  const text = withoutComments(readFileSync(entry, "utf8"));
  seen.set(entry.href, text);
  for (const [, name] of text.matchAll(modules)) {
    if (!name!.startsWith(".")) throw new Error(`${entry.pathname} imports ${name}`);
    walk(new URL(name!, entry), seen);
  }
  return seen;
}

t.test("the client loads no module of Node's or of npm's, and uses no global of Node's", async (t) => {
  const files = walk(new URL("../client/connect.ts", import.meta.url));
  t.ok(files.size > 8, "the walk found them");
  for (const [file, text] of files) {
    t.notMatch(text, dynamicImport, file);
    t.notMatch(text, nodeGlobals, file);
  }
});

t.test("the walk finds what it looks for", async (t) => {
  const entry = new URL("../testing/client.ts", import.meta.url);
  t.throws(() => walk(entry), /testing\/client\.ts imports ws/);
});

t.test("a platform without a WebSocket is told so", async (t) => {
  const { WebSocket } = globalThis as { WebSocket?: unknown };
  t.teardown(() => Object.assign(globalThis, { WebSocket }));
  Object.assign(globalThis, { WebSocket: undefined });
  t.throws(() => connectFoyer("ws://127.0.0.1:1/", { login: { client_id: "x" } }), /has no WebSocket/);
});
