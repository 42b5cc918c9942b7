/** The protocol as an AsyncAPI 3 document, made from the tables. `npm run asyncapi` writes it to docs/. */
import { loginErrors, logins } from "./authenticate.ts";
import { type CloseName, closeCauses, closeCodes } from "./close-codes.ts";
import { type CommandName, commands, examplesOf } from "./commands.ts";
import { type ErrorCode, errors } from "./errors.ts";
import { frameId, listMessages, type Message } from "./messages.ts";
import { pushes } from "./pushes.ts";
import { user } from "./user.ts";
import { worldConfig } from "./world-config.ts";

/** JSON that is being put together. */
type Json = Record<string, unknown>;

/** What any command may be told instead of what it asked for. */
const commonErrors: readonly ErrorCode[] = [
  "protocol.unauthenticated",
  "protocol.rate_limited",
  "server.timeout",
  "server.overloaded",
  "server.fatal",
];

/** Schemas that the document has once, under a name, however often they are used. */
const namedSchemas = { user, "world.config": worldConfig, id: frameId };

const nameOfSchema = new Map<unknown, string>(
  Object.entries(namedSchemas).map(([name, schema]) => [schema, name]),
);

/**
 * Builds the document.
 *
 * @param version of the project
 */
export function buildAsyncApi(version: string): Json {
  const messages = listMessages();
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Foyer",
      version,
      description:
        "What a client and a gateway say to each other. Every frame is text and holds one JSON array. Made from " +
        "the tables in shared/protocol by `npm run asyncapi`; protocol.md says the same in words.",
    },
    defaultContentType: "application/json",
    servers: {
      local: { host: "localhost:8375", protocol: "ws", description: "The local cluster." },
    },
    channels: { world: channel(messages) },
    operations: operations(),
    components: {
      schemas: Object.fromEntries(
        Object.entries(namedSchemas).map(([name, schema]) => [name, schemaJson(schema, true)]),
      ),
      messages: Object.fromEntries(messages.map((message) => [message.name, messageJson(message)])),
    },
  };
}

function channel(messages: Message[]): Json {
  return {
    address: "/ws/world/{world}",
    title: "A client's connection",
    description:
      "Commands of one connection take effect, and are answered, in the order in which they were sent. Before " +
      "login only ping and authenticate work.",
    parameters: {
      world: { description: "The id of the world, 1 to 50 of a-z, 0-9 and -.", examples: ["main"] },
    },
    messages: Object.fromEntries(
      messages.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }]),
    ),
    bindings: { ws: { method: "GET", bindingVersion: "0.1.0" } },
    "x-close-codes": (Object.keys(closeCodes) as CloseName[]).map((name) => ({
      code: closeCodes[name],
      reason: name,
      when: closeCauses[name],
    })),
  };
}

/** What the server, which the document is about, receives and sends. */
function operations(): Json {
  const commandNames = Object.keys(commands) as CommandName[];
  const loginForms = Object.keys(logins).map((form) => `authenticate.${form}`);
  const answering = new Set([...commonErrors, ...loginErrors, ...commandNames.flatMap(errorsOf)]);
  const unasked = (Object.keys(errors) as ErrorCode[]).filter((code) => !answering.has(code));
  const commandOperations = commandNames.map((name) => [
    name,
    receive(commands[name].about, [name], [`${name}.success`, ...errorNames(errorsOf(name))]),
  ]);
  const pushOperations = Object.entries(pushes).map(([name, { about }]) => [name, send(about, [name])]);
  return {
    ping: receive("A sign of life.", ["ping"], ["pong"]),
    authenticate: receive("Logs in.", loginForms, [
      "authenticated",
      ...errorNames([...loginErrors, ...commonErrors]),
    ]),
    ...Object.fromEntries(commandOperations),
    ...Object.fromEntries(pushOperations),
    error: send(
      "Said unasked, or of frames that are no command of this document, or by none of its commands yet.",
      errorNames(unasked),
    ),
  };
}

/** What a command may be told: its own errors are those of its examples. */
function errorsOf(name: CommandName): ErrorCode[] {
  const own = examplesOf(name).flatMap(({ error }) => (error === undefined ? [] : [error]));
  return [...new Set<ErrorCode>([...own, "auth.denied", "user.invalid_body", ...commonErrors])];
}

function errorNames(codes: readonly ErrorCode[]): string[] {
  return [...new Set(codes)].map((code) => `error.${code}`);
}

function receive(summary: string, messages: string[], answers: string[]): Json {
  return {
    ...operation("receive", summary, messages),
    reply: { channel: channelRef, messages: answers.map(channelMessage) },
  };
}

function send(summary: string, messages: string[]): Json {
  return operation("send", summary, messages);
}

const channelRef = { $ref: "#/channels/world" };

function operation(action: "receive" | "send", summary: string, messages: string[]): Json {
  return { action, channel: channelRef, summary, messages: messages.map(channelMessage) };
}

function channelMessage(name: string): Json {
  return { $ref: `#/channels/world/messages/${name}` };
}

function messageJson({ name, about, frame, examples, mayHaveId }: Message): Json {
  return {
    name,
    title: name,
    summary: about,
    ...(mayHaveId && { correlationId: { location: "$message.payload#/1" } }),
    payload: schemaJson(frame),
    examples: examples.map((payload) => ({ payload })),
  };
}

/** A schema as the document has it: named ones inside it are referred to. */
function schemaJson(schema: unknown, isNamed = false): unknown {
  if (typeof schema !== "object" || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((item) => schemaJson(item));
  const name = isNamed ? undefined : nameOfSchema.get(schema);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, schemaJson(value)]));
}
