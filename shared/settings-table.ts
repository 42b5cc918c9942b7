/** The settings as documents show them: `docs/operations.md` is kept by `npm run generate`. */
import { settingRows } from "./settings.ts";

/** Where the rows begin and end in a document. */
const HEAD = "| setting | default | |\n| --- | --- | --- |\n";
const END = "\n\n";

/** One row a setting, in the order of the table in the code. */
export function settingsTable(): string {
  const rows = Object.entries<{ default: unknown; help: string }>(settingRows).map(([name, row]) => {
    const fallback = typeof row.default === "boolean" ? Number(row.default) : (row.default ?? "");
    return `| \`${name}\` | ${String(fallback) || "none"} | ${row.help} |`;
  });
  return HEAD + rows.join("\n");
}

/** @returns the document with the table as it is now. @throws Error where it has none */
export function withSettingsTable(text: string): string {
  const start = text.indexOf(HEAD);
  const end = text.indexOf(END, start);
  if (start < 0 || end < 0) throw new Error("the document has no table of settings");
  return text.slice(0, start) + settingsTable() + text.slice(end);
}
