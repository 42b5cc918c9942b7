/** The compiled checks of the command table, and what a wrong payload is told. */
import type { TObject, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { type CommandName, commands } from "../../shared/protocol/commands.ts";
import { Refusal } from "../../shared/protocol/errors.ts";

const checks = new Map(
  Object.entries<{ body: TSchema }>(commands).map(([name, row]) => [name, Compile(row.body)]),
);

type Fault = ReturnType<NonNullable<ReturnType<typeof checks.get>>["Errors"]>[number];

/**
 * Checks a payload against its command's schema.
 *
 * @returns `user.invalid_body`, naming the path and what was expected there; null where nothing is wrong
 */
export function bodyFault(name: CommandName, payload: unknown): Refusal | null {
  const check = checks.get(name)!;
  if (check.Check(payload)) return null;
  const faults = check.Errors(payload);
  // Of an optional key's alternatives, the one that is no null says what was meant.
  const fault = faults.find((error) => !/null/.test(error.message) && error.keyword !== "anyOf") ?? faults[0];
  return new Refusal("user.invalid_body", {
    path: fault === undefined ? "" : pathOf(fault),
    expected: fault === undefined ? "another shape" : expectedBy(name, fault, faults),
  });
}

/** Of a key that is missing, where it should be. */
function pathOf(fault: Fault): string {
  return fault.keyword === "required"
    ? `${fault.instancePath}/${fault.params.requiredProperties[0]}`
    : fault.instancePath;
}

function expectedBy(name: CommandName, fault: Fault, faults: readonly Fault[]): string {
  if (fault.keyword === "required") {
    // Payloads are flat: whatever must be there is a key of the whole.
    const schema = (commands[name].body as TObject).properties[fault.params.requiredProperties[0]!];
    return (schema as { type?: string } | undefined)?.type ?? "a value";
  }
  if (fault.keyword === "const") {
    const choices = faults.flatMap((each) => (each.keyword === "const" ? [each.params.allowedValue] : []));
    return `one of ${choices.join(", ")}`;
  }
  return fault.message.replace(/^must (be )?/, "");
}
