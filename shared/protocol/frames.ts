/** The text frames that a server writes, and nothing else builds them. */
import type { FramePart } from "../envelope.ts";
import { isLongInteger, quoteLongIntegers } from "../long-integers.ts";
import { type ErrorBody, errors } from "./errors.ts";
import type { PushName } from "./pushes.ts";

/**
 * What a client may put between action and payload: a number or a string of at most 64 characters. A bigint where
 * the number is one that a double would change.
 */
export type FrameId = string | number | bigint;

/** The id as it was written. @param frame the text of the frame that has it, in the second place */
export function exactId(id: string | number, frame: string): FrameId {
  if (!isLongInteger(id)) return id;
  const [, digits] = JSON.parse(quoteLongIntegers(frame)) as unknown[];
  return typeof digits === "string" ? BigInt(digits) : id;
}

/** `["success", id, result]`, or without the id. `result` is JSON text already. */
export function successFrame(id: FrameId | undefined, resultJson: string): string {
  if (id === undefined) return `["success",${resultJson}]`;
  // Quoting only what needs it: ids are numbers nearly always, and this runs once for every command.
  return `["success",${typeof id === "string" ? JSON.stringify(id) : id},${resultJson}]`;
}

/** What stands before the result in a success frame, and behind it, for a result that comes in pieces. */
export function successStart(id: FrameId | undefined): string {
  return successFrame(id, "").slice(0, -1);
}

export const successEnd = "]";

/** `["error", id, error]`, or without the id. */
export function errorFrame(id: FrameId | undefined, error: ErrorBody): string {
  if (typeof id === "bigint") return `["error",${id},${JSON.stringify(error)}]`;
  return JSON.stringify(id === undefined ? ["error", error] : ["error", id, error]);
}

/** Any frame that the server pushes unasked. `payload` is JSON text already. */
export function pushFrame(action: PushName, payloadJson: string): string {
  return `["${action}",${payloadJson}]`;
}

const errorStart = /^\["error",(?:(?:-?[\d.eE+]+|"(?:[^"\\]|\\.)*"),)?\{"code":"([^"]+)"/;

/** What an answer says of its command, for a metric's label: `success`, or the error's code. */
export function outcomeOf(frame: string | readonly FramePart[]): string {
  if (typeof frame !== "string" || !frame.startsWith('["error"')) return "success";
  const code = errorStart.exec(frame)?.[1] ?? "";
  return Object.hasOwn(errors, code) ? code : "error";
}
