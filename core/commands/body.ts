/** The compiled checks of the command table, and what a wrong payload is told. */
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { type CommandName, commands } from "../../shared/protocol/commands.ts";
import { Refusal } from "../../shared/protocol/errors.ts";

const checks = new Map(
  Object.entries<{ body: TSchema }>(commands).map(([name, row]) => [name, Compile(row.body)]),
);

/**
 * Checks a payload against its command's schema.
 *
 * @throws Refusal `user.invalid_body`, naming the path and what was expected there
 */
export function checkBody(name: CommandName, payload: unknown): void {
  const check = checks.get(name)!;
  if (check.Check(payload)) return;
  // Of an optional key's alternatives, the one that is no null says what was meant.
  const faults = check.Errors(payload);
  const fault = faults.find((error) => !/null/.test(error.message) && error.keyword !== "anyOf") ?? faults[0];
  throw new Refusal("user.invalid_body", {
    path: fault?.instancePath ?? "",
    expected: fault?.message.replace(/^must (be )?/, "") ?? "another shape",
  });
}
