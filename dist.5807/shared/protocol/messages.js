/**
 * Every message between a client and a gateway, with the schema of its whole frame and examples: all of it made
 * from the tables. For docs/asyncapi.json, and for tests that hold real frames against it.
 */
import Type, {} from "typebox";
import { authenticated, exampleAuthenticated, logins } from "./authenticate.js";
import { closeCodes } from "./close-codes.js";
import { commands, examplesOf } from "./commands.js";
import { errorBody, errors } from "./errors.js";
import { pushes } from "./pushes.js";
/** What a client may put between action and payload. */
export const frameId = Type.Union([Type.Number(), Type.String({ maxLength: 64 })], {
    description: "Chosen by the client; the answer carries it by value.",
});
/** Every message, those of the same kind together. */
export function listMessages() {
    return [
        plain("client", "ping", "Asks the gateway itself for a sign of life, at any time.", Type.Unknown(), [1]),
        plain("server", "pong", "Answers a ping, with its payload by value.", Type.Unknown(), [1]),
        ...Object.entries(logins).map(([form, { about, body, examples }]) => withId("client", `authenticate.${form}`, about, "authenticate", body, [...examples])),
        plain("server", "authenticated", "The login was good: all that a client needs to begin.", authenticated, [
            exampleAuthenticated,
        ]),
        ...Object.keys(commands).flatMap(messagesOfCommand),
        ...Object.entries(pushes).map(([name, { about, payload, examples, closes }]) => plain("server", name, about + closing(closes), payload, [...examples])),
        ...Object.keys(errors).map(messageOfError),
    ];
}
function messagesOfCommand(name) {
    const { about, body, result, permission } = commands[name];
    const examples = examplesOf(name);
    const requests = examples.map((example) => example.body);
    const results = examples.flatMap((example) => (example.error === undefined ? [example.result] : []));
    return [
        withId("client", name, `${about} Needs ${permission}.`, name, body, requests),
        withId("server", `${name}.success`, `What ${name} is answered.`, "success", result, results),
    ];
}
function messageOfError(code) {
    const row = errors[code];
    const body = errorBody(code, row.details);
    const error = Type.Object({
        code: Type.Literal(code),
        message: Type.Optional(Type.String({ description: "For people." })),
        details: row.details === undefined ? Type.Optional(Type.Unknown()) : Type.Optional(schemaLike(row.details)),
    });
    const about = `When: ${row.when}.${closing(row.closes)}`;
    if (row.withoutId)
        return { ...plain("server", "error", about, error, [body]), name: `error.${code}` };
    return withId("server", `error.${code}`, about, "error", error, [body]);
}
/** A frame of two elements alone. */
function plain(from, action, about, payload, examples) {
    const frame = Type.Tuple([Type.Literal(action), payload]);
    return {
        name: action,
        from,
        about,
        frame,
        examples: examples.map((example) => [action, example]),
        mayHaveId: false,
    };
}
/** A frame of two elements or, with an id, three. The first example is shown both ways. */
function withId(from, name, about, action, payload, examples) {
    const frame = Type.Union([
        Type.Tuple([Type.Literal(action), frameId, payload]),
        Type.Tuple([Type.Literal(action), payload]),
    ]);
    const numbered = examples.map((example, i) => [action, i + 1, example]);
    const bare = examples.slice(0, 1).map((example) => [action, example]);
    return { name, from, about, frame, examples: [...numbered, ...bare], mayHaveId: true };
}
/** An object of the keys that the example has, each of the same type. */
function schemaLike(example) {
    const entries = Object.entries(example).map(([key, value]) => [
        key,
        typeof value === "number" ? Type.Number() : Type.String(),
    ]);
    return Type.Object(Object.fromEntries(entries));
}
function closing(name) {
    return name === undefined ? "" : ` The connection is then closed with ${closeCodes[name]}.`;
}
//# sourceMappingURL=messages.js.map