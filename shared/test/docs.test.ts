/** Holds docs/ against the tables in the code, in both directions: a reader may rely on either. */
import { readFileSync } from "node:fs";
import t from "tap";
import { closeCodes } from "../protocol/close-codes.ts";
import { commands } from "../protocol/commands.ts";
import { errors } from "../protocol/errors.ts";
import { settingRows } from "../settings.ts";
import { settingsTable, withSettingsTable } from "../settings-table.ts";

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
const protocol = read("protocol.md");
const operations = read("operations.md");

/** What stands under a heading, up to the next one of its rank or above. */
function section(text: string, heading: string): string {
  const start = text.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`docs: there is no heading "${heading}"`);
  const rest = text.slice(start + heading.length + 2);
  const next = rest.search(new RegExp(`^#{1,${heading.indexOf(" ")}} `, "m"));
  return next < 0 ? rest : rest.slice(0, next);
}

/** First cells of the table rows in a text, without the head; code marks taken off. */
function firstCells(text: string): string[] {
  const cells = [...text.matchAll(/^\| ([^|]+?) \|/gm)].map((match) => match[1]!.replaceAll("`", ""));
  return cells.filter((cell) => cell !== "code" && cell !== "setting" && !/^-+$/.test(cell));
}

t.test("the error table of docs/protocol.md has exactly the codes of the code, each once", async (t) => {
  t.strictSame(firstCells(section(protocol, "## Errors")).sort(), Object.keys(errors).sort());
});

t.test("a code of one command is reserved as long as that command does not exist", async (t) => {
  const reserved = firstCells(section(protocol, "### Reserved"));
  const ofOneCommand = Object.keys(errors).filter((code) => code.split(".").length > 2);
  const hasCommand = (code: string) => {
    const family = code.split(".").slice(0, 2).join(".");
    return Object.keys(commands).some((name) => name === family || name.startsWith(`${family}.`));
  };
  t.strictSame(
    ofOneCommand.filter((code) => reserved.includes(code) === hasCommand(code)),
    [],
  );
});

t.test("the table of close codes has exactly those of the code, each once", async (t) => {
  const documented = firstCells(section(protocol, "## Close codes"));
  t.strictSame(documented.sort(), Object.values(closeCodes).map(String).sort());
});

t.test("every command has a heading, and no other user command has one", async (t) => {
  const headings = [...protocol.matchAll(/^### (user\.\S+)$/gm)].map((match) => match[1]!);
  t.strictSame(headings.filter((name) => name !== "user.updated").sort(), Object.keys(commands).sort());
});

t.test("docs/operations.md has every setting with its default and help, and no other", async (t) => {
  t.match(section(operations, "## Settings"), settingsTable());
  t.equal(withSettingsTable(operations), operations);
});

t.test("no document names a setting that does not exist", async (t) => {
  for (const text of [operations, protocol, ...["architecture.md", "testing.md", "client.md"].map(read)]) {
    const named = new Set(text.match(/\bFOYER_\w+/g));
    t.strictSame(
      [...named].filter((name) => !Object.hasOwn(settingRows, name)),
      [],
    );
  }
});
