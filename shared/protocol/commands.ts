/**
 * The table of commands: name, body and result schema, permission, reads or writes, examples. Types, the compiled
 * checks, the handler map of core/, metric labels and docs/asyncapi.json all come from here.
 */
import Type, { type Static, type TSchema } from "typebox";
import type { ErrorCode } from "./errors.ts";
import { exampleKiosk, exampleSelf, exampleUser } from "./example-user.ts";
import { kioskWithToken, user, usersByKey, usersPage } from "./user.ts";

/** A row: what a client may ask for. */
export interface CommandRow {
  /** What it is for, one sentence. */
  about: string;
  body: TSchema;
  result: TSchema;
  /** The permission on the world that the caller needs. */
  permission: string;
  /** Whether it changes the database: then it is logged with its effect and runs at most once. */
  writes: boolean;
  /**
   * What a client may send and what it is told then, for the document: at least one success, and every error that
   * is this command's own.
   */
  examples: readonly { body: object; result?: unknown; error?: ErrorCode }[];
}

/** An optional key, for which `null` counts as absent. */
const optional = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));

const json = Type.Record(Type.String(), Type.Unknown());
const nothing = Type.Object({});
/** Somebody else, by id. One that is no UUID is nobody's. */
const other = Type.Object({ id: Type.String() });

export const commands = {
  "user.update": {
    about: "Changes the caller's own profile or client state; each given key replaces the whole value.",
    body: Type.Object({ profile: optional(json), client_state: optional(json) }),
    result: nothing,
    permission: "world:view",
    writes: true,
    examples: [
      { body: { profile: { display_name: "Ada Lovelace" }, client_state: { theme: "dark" } }, result: {} },
    ],
  },
  "user.fetch": {
    about: "Reads one user by id, or up to 100 by ids or by pretalx_ids.",
    body: Type.Object({
      id: optional(Type.String()),
      ids: optional(Type.Array(Type.String())),
      pretalx_ids: optional(Type.Array(Type.String())),
    }),
    result: Type.Union([user, usersByKey]),
    permission: "world:view",
    writes: false,
    examples: [
      { body: { id: exampleUser.id }, result: exampleUser },
      { body: { ids: [exampleUser.id] }, result: { [exampleUser.id]: exampleUser } },
      { body: { pretalx_ids: ["ABCDEF"] }, result: { ABCDEF: exampleUser } },
      { body: { id: "nobody" }, error: "user.not_found" },
    ],
  },
  "user.list": {
    about: "Reads all users of a type, or with a limit a page of them.",
    body: Type.Object({
      type: optional(Type.Union([Type.Literal("person"), Type.Literal("kiosk"), Type.Literal("anon")])),
      include_banned: optional(Type.Boolean()),
      limit: optional(Type.Integer({ minimum: 1, maximum: 1000 })),
      after: optional(Type.String()),
    }),
    result: Type.Union([usersByKey, usersPage]),
    permission: "world:users.list",
    writes: false,
    examples: [
      { body: { type: "person" }, result: { [exampleUser.id]: exampleUser } },
      { body: { limit: 100 }, result: { users: { [exampleUser.id]: exampleUser }, next: null } },
      { body: { limit: 100, after: "no cursor" }, error: "user.invalid_body" },
    ],
  },
  "user.social.connect": {
    about:
      "Gives a link that leads the caller through the login of a social network, to connect an account there.",
    body: Type.Object({ network: Type.String(), return_url: optional(Type.String()) }),
    result: Type.Object({ url: Type.String() }),
    permission: "world:view",
    // A link is no account: it lives in Redis for minutes, and asking again just gives another one.
    writes: false,
    examples: [
      {
        body: { network: "linkedin", return_url: "https://app.conf.example/profile" },
        result: { url: "https://foyer.conf.example/social/linkedin/start?token=mXg7dQ0z" },
      },
      { body: { network: "myspace", return_url: "https://app.conf.example/" }, error: "user.social.unknown" },
      {
        body: { network: "twitter", return_url: "https://app.conf.example/" },
        error: "user.social.disabled",
      },
      { body: { network: "linkedin" }, error: "user.social.return_url_required" },
      { body: { network: "linkedin", return_url: "/profile" }, error: "user.social.return_url_invalid" },
    ],
  },
  "user.ban": {
    about: "Locks a user out, and cuts off its connections before it is answered.",
    body: other,
    result: nothing,
    permission: "world:users.manage",
    writes: true,
    examples: [
      { body: { id: exampleUser.id }, result: {} },
      { body: { id: "nobody" }, error: "user.not_found" },
      { body: { id: exampleSelf.id }, error: "user.ban.self" },
    ],
  },
  "user.silence": {
    about: "Leaves a user only what it takes to look on, and cuts off its connections.",
    body: other,
    result: nothing,
    permission: "world:users.manage",
    writes: true,
    examples: [
      { body: { id: exampleUser.id }, result: {} },
      { body: { id: "nobody" }, error: "user.not_found" },
      { body: { id: exampleSelf.id }, error: "user.silence.self" },
    ],
  },
  "user.reactivate": {
    about: "Lifts a ban or a silence.",
    body: other,
    result: nothing,
    permission: "world:users.manage",
    writes: true,
    examples: [
      { body: { id: exampleUser.id }, result: {} },
      { body: { id: "nobody" }, error: "user.not_found" },
      { body: { id: exampleSelf.id }, error: "user.reactivate.self" },
    ],
  },
  "user.delete": {
    about: "Empties an account for good, and cuts off its connections before it is answered.",
    body: other,
    result: nothing,
    permission: "world:users.manage",
    writes: true,
    examples: [
      { body: { id: exampleUser.id }, result: {} },
      { body: { id: "nobody" }, error: "user.not_found" },
      { body: { id: exampleSelf.id }, error: "user.delete.self" },
    ],
  },
  "user.admin.update": {
    about: "Changes somebody's profile or pretalx id, or a kiosk's client state.",
    body: Type.Object({
      id: Type.String(),
      profile: optional(json),
      pretalx_id: optional(Type.String()),
      client_state: optional(json),
    }),
    result: nothing,
    permission: "world:users.manage",
    writes: true,
    examples: [
      { body: { id: exampleUser.id, profile: { display_name: "Ada" }, pretalx_id: "ABCDEF" }, result: {} },
      { body: { id: "nobody", profile: {} }, error: "user.not_found" },
    ],
  },
  "user.kiosk.create": {
    about: "Makes an account for a kiosk; with an id, as often as it is sent.",
    body: Type.Object({ profile: optional(json), id: optional(Type.String()) }),
    result: Type.Object({ user: Type.String({ format: "uuid" }) }),
    permission: "world:update",
    writes: true,
    examples: [
      {
        body: { profile: { display_name: "Entrance" }, id: exampleKiosk.id },
        result: { user: exampleKiosk.id },
      },
      { body: {}, result: { user: exampleKiosk.id } },
    ],
  },
  "user.kiosk.fetch": {
    about: "Reads a kiosk, with a token to log it in.",
    body: other,
    result: kioskWithToken,
    permission: "world:users.manage",
    writes: false,
    examples: [
      { body: { id: exampleKiosk.id }, result: exampleKiosk },
      { body: { id: "nobody" }, error: "user.not_found" },
    ],
  },
  "user.list.search": {
    about: "Finds people by a part of their name or of a searchable profile field, a page at a time.",
    body: Type.Object({
      search_term: Type.String(),
      badge: optional(Type.String()),
      // What is no page number is answered by an empty page.
      page: Type.Unknown(),
      include_banned: optional(Type.Boolean()),
    }),
    result: Type.Object({ results: Type.Array(user), isLastPage: Type.Boolean() }),
    permission: "world:view",
    writes: false,
    examples: [
      { body: { search_term: "ada", page: 1 }, result: { results: [exampleUser], isLastPage: true } },
      { body: { search_term: "", badge: "Speaker", page: 9 }, result: { results: [], isLastPage: true } },
    ],
  },
  "user.list.blocked": {
    about: "Lists the users whom the caller blocks.",
    body: Type.Object({}),
    result: Type.Array(user),
    permission: "world:view",
    writes: false,
    examples: [{ body: {}, result: [exampleUser] }],
  },
  "user.block": {
    about: "Blocks a user, who is not told.",
    body: Type.Object({ id: Type.String() }),
    result: nothing,
    permission: "world:view",
    writes: true,
    examples: [
      { body: { id: exampleUser.id }, result: {} },
      { body: { id: "nobody" }, error: "user.not_found" },
      { body: { id: exampleSelf.id }, error: "user.block.self" },
    ],
  },
  "user.unblock": {
    about: "Takes a block back.",
    body: Type.Object({ id: Type.String() }),
    result: nothing,
    permission: "world:view",
    writes: true,
    examples: [
      { body: { id: exampleUser.id }, result: {} },
      { body: { id: "nobody" }, error: "user.not_found" },
      { body: { id: exampleSelf.id }, error: "user.unblock.self" },
    ],
  },
  "user.online_status": {
    about: "Tells of up to 100 users whether they are connected.",
    body: Type.Object({ ids: Type.Array(Type.String()) }),
    result: Type.Record(Type.String(), Type.Boolean()),
    permission: "world:view",
    writes: false,
    examples: [
      { body: { ids: [exampleUser.id, "nobody"] }, result: { [exampleUser.id]: true, nobody: false } },
    ],
  },
} as const satisfies Record<string, CommandRow>;

/** The name of a command that a logged-in client may send. */
export type CommandName = keyof typeof commands;

/** The body of a command, with `null` still allowed for optional keys. */
export type CommandBody<N extends CommandName> = Static<(typeof commands)[N]["body"]>;

/** An example of a command: answered by a result of its schema, or refused. */
export type CommandExample<N extends CommandName> = DeepReadonly<
  | { body: CommandBody<N>; result: Static<(typeof commands)[N]["result"]>; error?: never }
  | { body: CommandBody<N>; result?: never; error: ErrorCode }
>;

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** The table seen so that the compiler holds each example against the schemas of its row. */
const examples: { readonly [N in CommandName]: { readonly examples: readonly CommandExample<N>[] } } =
  commands;

/** The examples of a command. */
export function examplesOf<N extends CommandName>(name: N): readonly CommandExample<N>[] {
  return examples[name].examples;
}

/** The namespaces that exist: `user` of `user.update`. */
export const namespaces: ReadonlySet<string> = new Set(
  Object.keys(commands).map((name) => name.split(".")[0]!),
);

/** Whether a logged-in client may send this action. */
export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}
