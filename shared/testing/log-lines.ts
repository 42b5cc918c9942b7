/** Holds log lines against the table of events (`log-events.ts`). */
import { commonFields, logEvents, logFields } from "../log-events.ts";

/** A line, read. */
export type LogLine = Record<string, unknown> & { event: string; level: string; role: string };

/** @returns what is wrong with a line; null for one that is as the table says */
export function faultOf(text: string): string | null {
  const line = parse(text);
  if (line === null) return "no JSON object";
  if (hasTwice(text)) return "a field twice";
  const { event, level, role } = line;
  if (!Object.hasOwn(logEvents, event)) return `no event "${event}"`;
  const row: { level: string; from: string; fields: readonly string[]; optional?: readonly string[] } =
    logEvents[event as keyof typeof logEvents];
  if (level !== row.level) return `"${event}" at ${level}`;
  if (row.from !== "both" && row.from !== role) return `"${event}" from a ${role}`;
  const fields = Object.keys(line).filter((name) => !Object.hasOwn(commonFields, name));
  const missing = [...Object.keys(commonFields), ...row.fields].filter((name) => !Object.hasOwn(line, name));
  if (missing.length > 0) return `"${event}" without ${missing.join(", ")}`;
  for (const name of fields) {
    if (!row.fields.includes(name) && row.optional?.includes(name) !== true) return `"${event}" with ${name}`;
    const { type } = logFields[name as keyof typeof logFields];
    if (!isOfType(line[name], type)) return `"${event}": ${name} is not ${type}`;
  }
  return null;
}

/** @returns null for what is no line of ours */
export function parse(text: string): LogLine | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as LogLine) : null;
  } catch {
    return null;
  }
}

/** Whether the text has a field that its object cannot show, because a later one has the same name. */
function hasTwice(text: string): boolean {
  return JSON.stringify(JSON.parse(text)).length !== text.length;
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "a number":
      return typeof value === "number" && Number.isFinite(value);
    case "an error":
      return (
        typeof value === "object" && value !== null && typeof (value as { type: unknown }).type === "string"
      );
    case "text or null":
      return value === null || typeof value === "string";
    default:
      return typeof value === "string";
  }
}
