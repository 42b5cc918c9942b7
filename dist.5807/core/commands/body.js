import { Compile } from "typebox/compile";
import { commands } from "../../shared/protocol/commands.js";
import { Refusal } from "../../shared/protocol/errors.js";
const checks = new Map(Object.entries(commands).map(([name, row]) => [name, Compile(row.body)]));
/**
 * Checks a payload against its command's schema.
 *
 * @returns `user.invalid_body`, naming the path and what was expected there; null where nothing is wrong
 */
export function bodyFault(name, payload) {
    const check = checks.get(name);
    if (check.Check(payload))
        return null;
    const faults = check.Errors(payload);
    // Of an optional key's alternatives, the one that is no null says what was meant.
    const fault = faults.find((error) => !/null/.test(error.message) && error.keyword !== "anyOf") ?? faults[0];
    return new Refusal("user.invalid_body", {
        path: fault === undefined ? "" : pathOf(fault),
        expected: fault === undefined ? "another shape" : expectedBy(name, fault, faults),
    });
}
/** Of a key that is missing, where it should be. */
function pathOf(fault) {
    return fault.keyword === "required"
        ? `${fault.instancePath}/${fault.params.requiredProperties[0]}`
        : fault.instancePath;
}
function expectedBy(name, fault, faults) {
    if (fault.keyword === "required") {
        // Payloads are flat: whatever must be there is a key of the whole.
        const schema = commands[name].body.properties[fault.params.requiredProperties[0]];
        return schema?.type ?? "a value";
    }
    if (fault.keyword === "const") {
        const choices = faults.flatMap((each) => (each.keyword === "const" ? [each.params.allowedValue] : []));
        return `one of ${choices.join(", ")}`;
    }
    return fault.message.replace(/^must (be )?/, "");
}
//# sourceMappingURL=body.js.map