/** Holds docs/asyncapi.json against the tables, and the examples of the tables against their schemas. */
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";
import t from "tap";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { buildAsyncApi } from "../protocol/asyncapi.ts";
import { closeCodes } from "../protocol/close-codes.ts";
import { type CommandName, commands, examplesOf } from "../protocol/commands.ts";
import { errors } from "../protocol/errors.ts";
import { listMessages } from "../protocol/messages.ts";
import { pushes } from "../protocol/pushes.ts";

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
const commandNames = Object.keys(commands) as CommandName[];
const faultsOf = (schema: TSchema, value: unknown) => Compile(schema).Errors(value);

t.test("docs/asyncapi.json is what the tables say; else: npm run asyncapi", async (t) => {
  const { version } = JSON.parse(read("package.json"));
  t.strictSame(JSON.parse(read("docs/asyncapi.json")), JSON.parse(JSON.stringify(buildAsyncApi(version))));
});

t.test("it is a valid AsyncAPI document, without warnings", async (t) => {
  const { document, diagnostics } = await new Parser().parse(read("docs/asyncapi.json"));
  const worthSaying = diagnostics.filter(({ code }) => code !== "asyncapi-latest-version");
  t.strictSame(
    worthSaying.map(({ code, message, path }) => `${path.join(".")}: ${message} (${code})`),
    [],
  );
  t.ok(document?.operations().get("user.update")?.reply(), "its operations can be read");
});

t.test("it has every command, error, push and close code", async (t) => {
  const { components, channels, operations } = JSON.parse(read("docs/asyncapi.json"));
  const named = new Set(Object.keys(components.messages));
  const wanted = [
    ...commandNames.flatMap((name) => [name, `${name}.success`]),
    ...Object.keys(errors).map((code) => `error.${code}`),
    ...Object.keys(pushes),
  ];
  t.strictSame(
    wanted.filter((name) => !named.has(name)),
    [],
  );
  const used = new Set(JSON.stringify(operations).match(/(?<=messages\/)[^"]+/g));
  t.strictSame(
    [...named].filter((name) => !used.has(name)),
    [],
    "an operation uses each message",
  );
  const codes: { code: number }[] = channels.world["x-close-codes"];
  t.strictSame(codes.map(({ code }) => code).sort(), Object.values(closeCodes).sort());
});

t.test("the examples of every command fit its schemas", async (t) => {
  for (const name of commandNames) {
    for (const { body, result, error } of examplesOf(name)) {
      t.strictSame(faultsOf(commands[name].body, body), [], `${name}: ${JSON.stringify(body)}`);
      if (error === undefined) t.strictSame(faultsOf(commands[name].result, result), [], `${name}: result`);
      else t.ok(Object.hasOwn(errors, error), error);
    }
  }
});

t.test("every command has an example that succeeds", async (t) => {
  for (const name of commandNames) {
    t.ok(
      examplesOf(name).some(({ error }) => error === undefined),
      name,
    );
  }
});

t.test("a code of one command is in an example of it", async (t) => {
  for (const code of Object.keys(errors).filter((code) => code.split(".").length > 2)) {
    const family = code.split(".").slice(0, 2).join(".");
    const examples = commandNames
      .filter((name) => name === family || name.startsWith(`${family}.`))
      .map((name) => examplesOf(name));
    // A code whose command does not exist yet is reserved.
    if (examples.length > 0)
      t.ok(
        examples.flat().some(({ error }) => error === code),
        code,
      );
  }
});

t.test("every message has an example, and its examples fit the schema of the frame", async (t) => {
  for (const { name, frame, examples } of listMessages()) {
    t.ok(examples.length > 0, name);
    for (const example of examples) t.strictSame(faultsOf(frame, example), [], JSON.stringify(example));
  }
});
