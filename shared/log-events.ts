/**
 * What nodes write to their logs, in one table: every event with its level and its fields. A line that is not in it
 * does not compile (`log.ts`); `docs/logs.md` is made from it. Whoever reads logs with a program can rely on all of it.
 */

/** What a field can hold; what each is in TypeScript says `FieldTypes`. */
interface FieldTypes {
  text: string;
  "text or null": string | null;
  "a number": number;
  /** Written as `type`, `message`, `code`, `stack` and the like: see `loggedError`. */
  "an error": unknown;
}

interface FieldRow {
  type: keyof FieldTypes;
  help: string;
}

/** Fields that every line has. */
export const commonFields = {
  time: { type: "text", help: "when, ISO 8601 in UTC" },
  level: { type: "text", help: "`error`: somebody must act; `warn`: unusual, dealt with; `info`; `debug`" },
  node: { type: "text", help: "the node's id, new at each start" },
  role: { type: "text", help: "`gateway` or `core`" },
  event: { type: "text", help: "what happened: one of the events below" },
} as const satisfies Record<string, FieldRow>;

/** The fields that events have. A name means the same wherever it stands. */
export const logFields = {
  about: { type: "text", help: "what was asked for" },
  actor: { type: "text or null", help: "id of the account that did it; null: an operator" },
  addressRange: {
    type: "text",
    help: "where from: the client's address without its end (IPv4 /24, IPv6 /48)",
  },
  ageSeconds: { type: "a number", help: "since it was last heard" },
  attempt: { type: "a number", help: "how often it was tried before" },
  by: { type: "text", help: "which duty did it" },
  closeCode: { type: "a number", help: "what the connection is closed with" },
  command: { type: "text", help: "name of the command; `unknown` for one that does not exist" },
  commandId: {
    type: "text",
    help: "the command, on every node that has to do with it; also in the audit log",
  },
  connection: { type: "a number", help: "the gateway's number of a connection" },
  connections: { type: "a number", help: "how many connections" },
  deliveries: { type: "a number", help: "how often an entry was given to workers" },
  dropped: { type: "a number", help: "how many were given up" },
  durationMs: { type: "a number", help: "how long it took" },
  entries: { type: "a number", help: "how many entries of a stream" },
  entry: { type: "text", help: "id of a stream's entry" },
  error: { type: "an error", help: "`type`, `message`, `code`, `constraint`, `stack`, `cause`" },
  links: { type: "a number", help: "how many links" },
  lostNode: { type: "text", help: "id of another node, which is gone" },
  lostRole: { type: "text", help: "its role" },
  method: { type: "text", help: "of a login: `token`, `invite` or `guest`" },
  migration: { type: "text", help: "name of a migration" },
  network: { type: "text", help: "of a social login: `twitter` or `linkedin`" },
  notice: { type: "text", help: "Postgres' words" },
  opsPort: { type: "a number", help: "where `/metrics` is" },
  outcome: { type: "text", help: "`success`, or the error's code" },
  overMs: { type: "a number", help: "time over which it is spread" },
  port: { type: "a number", help: "the public port" },
  pruned: { type: "a number", help: "how many rows" },
  purpose: { type: "text", help: "what a link is for: `commands`, `blocking` or `subscriber`" },
  reason: { type: "text", help: "why, in words" },
  stream: { type: "a number", help: "number of a command stream" },
  table: { type: "text", help: "name of a table in Postgres" },
  user: { type: "text", help: "id of the account that it happened to" },
  users: { type: "a number", help: "how many accounts" },
  world: { type: "text", help: "id of the world" },
} as const satisfies Record<string, FieldRow>;

export type FieldName = keyof typeof logFields;

/** Levels that lines have. */
export type Level = "error" | "warn" | "info" | "debug";

interface EventRow {
  level: Level;
  /** Who writes it. */
  from: "gateway" | "core" | "both";
  fields: readonly FieldName[];
  optional?: readonly FieldName[];
}

/** All events. */
export const logEvents = {
  // A node's life.
  "gateway serves": { level: "info", from: "gateway", fields: ["port", "opsPort"] },
  "gateway drains": { level: "info", from: "gateway", fields: ["connections"] },
  "gateway stopped": { level: "info", from: "gateway", fields: [] },
  "worker serves": { level: "info", from: "core", fields: ["opsPort"] },
  "worker stops": { level: "info", from: "core", fields: [] },
  "worker stopped": { level: "info", from: "core", fields: [] },
  "cleared up after a node whose lease ran out": {
    level: "info",
    from: "core",
    fields: ["lostNode", "lostRole"],
  },

  // People.
  "login failed": {
    level: "info",
    from: "gateway",
    fields: ["commandId", "world", "method", "outcome", "durationMs", "addressRange", "connection"],
  },
  moderation: {
    level: "info",
    from: "core",
    fields: ["commandId", "command", "world", "actor", "user", "outcome", "durationMs"],
  },
  "social login failed": { level: "warn", from: "core", fields: ["commandId", "world", "network", "error"] },
  "nobody could answer a social login": { level: "warn", from: "gateway", fields: ["error"] },
  "connections are told to reload": {
    level: "info",
    from: "gateway",
    fields: ["connections", "overMs"],
    optional: ["world"],
  },
  "reloading failed": { level: "error", from: "gateway", fields: ["error"] },
  "connection failed": { level: "error", from: "gateway", fields: ["connection", "error"] },
  "cut off users whose fences were missed": { level: "info", from: "gateway", fields: ["users"] },
  "a fence was not confirmed by all gateways in time": { level: "warn", from: "core", fields: [] },

  // Commands.
  "command answered": {
    level: "debug",
    from: "gateway",
    fields: ["commandId", "command", "world", "outcome", "durationMs"],
  },
  "command run": {
    level: "debug",
    from: "core",
    fields: ["commandId", "command", "world", "outcome", "durationMs"],
  },
  "command failed": { level: "error", from: "core", fields: ["commandId", "command", "world", "error"] },
  "command given up: a store is away, or too slow": {
    level: "warn",
    from: "core",
    fields: ["commandId", "command", "world", "error"],
  },
  "commands are run alone that failed together": { level: "debug", from: "core", fields: ["error"] },
  "big answer given up": { level: "warn", from: "core", fields: ["commandId", "closeCode", "reason"] },
  "dead letter": { level: "error", from: "core", fields: ["entry", "deliveries", "reason"] },
  "dead letter not written": { level: "warn", from: "core", fields: ["stream", "entry", "reason"] },
  "entries left to a newer worker": { level: "warn", from: "core", fields: ["stream", "entries", "reason"] },
  "search entries not read": { level: "debug", from: "core", fields: ["world", "reason"] },
  "statistics of a table renewed": { level: "debug", from: "core", fields: ["table"] },
  "statistics of tables not renewed": { level: "debug", from: "core", fields: ["reason"] },
  "old commands forgotten": { level: "debug", from: "core", fields: ["pruned", "by"] },
  "looking a world up failed": { level: "warn", from: "gateway", fields: ["reason"], optional: ["world"] },
  "asking workers failed": { level: "warn", from: "gateway", fields: ["about", "reason"] },
  "a shared text is missing": { level: "warn", from: "gateway", fields: ["commandId", "reason"] },
  "traces could not be sent": { level: "warn", from: "both", fields: ["reason", "dropped"] },

  // Redis.
  "redis link down": { level: "warn", from: "both", fields: ["purpose", "reason"] },
  "redis link up": { level: "info", from: "both", fields: ["purpose"] },
  "looking at the cluster failed": { level: "debug", from: "both", fields: ["reason"] },
  "subscribing failed": { level: "debug", from: "both", fields: ["reason"] },
  "no canary: subscribing over a new link": { level: "warn", from: "gateway", fields: ["ageSeconds"] },
  "command stream prepared": { level: "info", from: "core", fields: ["stream"] },
  "no worker has prepared the command stream yet": { level: "warn", from: "gateway", fields: ["stream"] },
  "reading commands failed": { level: "warn", from: "core", fields: ["stream", "reason"] },
  "claiming failed": { level: "debug", from: "core", fields: ["stream", "reason"] },
  "leaving entries failed": { level: "debug", from: "core", fields: ["stream", "reason"] },
  "writing replies failed": { level: "error", from: "core", fields: ["error"] },
  "replies wait for redis": { level: "warn", from: "core", fields: ["reason"] },
  "reading replies failed": { level: "warn", from: "gateway", fields: ["reason"] },
  "trimming replies failed; the next time does it": { level: "debug", from: "gateway", fields: ["reason"] },
  "reading fences failed": { level: "debug", from: "gateway", fields: ["reason"] },
  "a fence waits for redis": { level: "debug", from: "core", fields: ["reason"] },
  "beginning a lease failed": { level: "debug", from: "gateway", fields: ["reason"] },
  "commands were held up on their way": { level: "debug", from: "gateway", fields: ["stream"] },
  "renewing the lease failed": { level: "debug", from: "gateway", fields: ["reason"] },
  "leading failed": { level: "warn", from: "core", fields: ["reason"] },
  "unreadable broadcast": { level: "warn", from: "gateway", fields: ["reason"] },
  "unreadable order": { level: "warn", from: "gateway", fields: [] },
  "unreadable reply": { level: "error", from: "gateway", fields: ["reason"] },
  "a reply could not be used": { level: "error", from: "gateway", fields: ["commandId", "error"] },

  // Postgres.
  "a link to Postgres broke as it was made": { level: "warn", from: "core", fields: ["reason"] },
  "links to postgres stood still": { level: "warn", from: "core", fields: ["links"] },
  "postgres does not answer: connecting anew": { level: "warn", from: "core", fields: ["links"] },
  "postgres lets nobody write: connecting anew": { level: "warn", from: "core", fields: ["links"] },
  "postgres lets us write again: connecting anew": { level: "info", from: "core", fields: ["links"] },
  "postgres notice": { level: "debug", from: "core", fields: ["notice"] },
  "a table is in use: trying again": { level: "info", from: "core", fields: ["migration", "attempt"] },
  migrated: { level: "info", from: "core", fields: ["migration"] },
} as const satisfies Record<string, EventRow>;

export type EventName = keyof typeof logEvents;

/** Events of a level. */
export type EventOf<L extends Level> = {
  [E in EventName]: (typeof logEvents)[E]["level"] extends L ? E : never;
}[EventName];

type Value<F extends FieldName> = FieldTypes[(typeof logFields)[F]["type"]];
type Optional<E extends EventName> = (typeof logEvents)[E] extends { optional: readonly (infer F)[] }
  ? F & FieldName
  : never;

/** What has to be given with an event, and what may be. */
export type FieldsOf<E extends EventName> = {
  [F in (typeof logEvents)[E]["fields"][number]]: Value<F>;
} & { [F in Optional<E>]?: Value<F> | undefined };

/** The table as a document. */
export function describeLogs(): string {
  const rows = (fields: Record<string, FieldRow>) =>
    Object.entries(fields).map(([name, { type, help }]) => `| \`${name}\` | ${type} | ${help} |`);
  const events = Object.entries<EventRow>(logEvents).map(([name, { level, from, fields, optional = [] }]) => {
    const list = [...fields.map((field) => `\`${field}\``), ...optional.map((field) => `\`${field}\`?`)];
    return `| \`${name}\` | ${level} | ${from} | ${list.join(", ")} |`;
  });
  return [
    "<!-- Made from shared/log-events.ts by npm run generate; not to be edited. -->",
    "# Logs",
    "",
    "Nodes write JSON lines to stdout, one an event. `event` is one of the texts below, always the same; what varies",
    "stands in fields. Never logged: tokens, secrets, what clients write, whole addresses. `FOYER_LOG_LEVEL` is the least",
    "level that is written. At `info` a node says nothing of commands, but a line for each login that failed and one for",
    "each act of a moderator or operator. At `debug` there is a line for each command on the gateway that answered it",
    "and one on the worker that ran it, with the same `commandId`.",
    "",
    "A worker that was taken for dead and was not may tell of an act that another one tells of, too; the `commandId` is",
    "the same. What took effect is in the audit log, once.",
    "",
    "## On every line",
    "",
    "| field | type | |",
    "| --- | --- | --- |",
    ...rows(commonFields),
    "",
    "## Events",
    "",
    "| event | level | from | fields |",
    "| --- | --- | --- | --- |",
    ...events,
    "",
    "## Fields",
    "",
    "| field | type | |",
    "| --- | --- | --- |",
    ...rows(logFields),
    "",
  ].join("\n");
}
