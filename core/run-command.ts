/**
 * One command from frame to answer: check the payload, permit, run, and turn whatever went wrong into the reply
 * that the protocol has for it. A writing command's effect and its log row are one transaction (docs/architecture.md), and
 * its actor is checked under a lock.
 */
import type { Command } from "../shared/envelope.ts";
import { isLongInteger, quoteLongIntegers } from "../shared/long-integers.ts";
import { closeCodes } from "../shared/protocol/close-codes.ts";
import { type CommandName, commands, isCommand } from "../shared/protocol/commands.ts";
import { errorBody, Refusal } from "../shared/protocol/errors.ts";
import { errorFrame, exactId, type FrameId, successFrame } from "../shared/protocol/frames.ts";
import { MAX_REPLY } from "./big-answer.ts";
import { authenticate } from "./commands/authenticate.ts";
import { bodyFault } from "./commands/body.ts";
import type {
  AccountRead,
  Answer,
  CommandContext,
  ReadCommand,
  WriteCommand,
  Written,
} from "./commands/context.ts";
import { type GatewayContext, gatewayHandlers } from "./commands/gateway-commands.ts";
import { handlers } from "./commands/handlers.ts";
import { cutOff } from "./fence.ts";
import { logModeration } from "./moderation-log.ts";
import { OPERATOR } from "./operator.ts";
import { resolveAccess } from "./permissions.ts";
import { permit, permitWriter } from "./permit.ts";
import type { SharedWrite } from "./shared-writes.ts";
import { insertCommand, selectAnswer } from "./sql/command-log.ts";
import { transact } from "./sql/database.ts";
import { lockUsers, type UserRow } from "./sql/users.ts";
import { ownUserJson } from "./user-view.ts";
import type { SharedText } from "./world.ts";
import { worldConfig } from "./world-config.ts";

/** What a command sends besides its answer. */
export interface Outbox {
  /** Tells the connections of accounts that changed; `origin` is the connection that gets the answer instead. */
  userChanged(context: CommandContext, user: UserRow, news: { shown: boolean; access: boolean }): void;
  /** Makes a text known to gateways before the answer that refers to it. */
  share(text: SharedText): void;
  /** Enters a connection in the registry, and has the oldest beyond the world's limit replaced. */
  connected(context: CommandContext, user: UserRow, limit: number): Promise<void>;
}

/** A frame as a client sent it; the gateway has seen that it is one. */
interface Request {
  action: string;
  id: FrameId | undefined;
  payload: unknown;
}

/** Takes a frame apart. @throws SyntaxError when a forged entry carries none */
export function parseRequest(frame: string): Request {
  const parts = JSON.parse(frame) as unknown[];
  if (!Array.isArray(parts) || typeof parts[0] !== "string") throw new SyntaxError("no frame");
  return parts.length > 2
    ? { action: parts[0], id: exactId(parts[1] as string | number, frame), payload: parts[2] }
    : { action: parts[0], id: undefined, payload: parts[1] };
}

/** Runs a client's command. Errors that are neither refusals nor conflicts are the caller's. */
export async function runCommand(
  context: CommandContext,
  command: Command,
  request: Request,
  outbox: Outbox,
): Promise<Answer> {
  try {
    if (command.user === null) return await logIn(context, command, request, outbox);
    if (!isCommand(request.action)) throw new Refusal("user.unsupported_command");
    return commands[request.action].writes
      ? await write(context, request.action, command.user, request, outbox)
      : await read(context, request.action, command.user, request);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const failed = command.user === null && error.code !== "protocol.rate_limited";
    return {
      frame: errorFrame(request.id, errorBody(error.code, error.details)),
      effect: failed ? { kind: "login_failed" } : null,
    };
  }
}

/** The answer to a command that a bug stopped. */
export function fatalAnswer(): Answer {
  return {
    frame: errorFrame(undefined, errorBody("server.fatal")),
    effect: { kind: "close", code: closeCodes.fatal },
  };
}

/** Runs a command of the gateway's own. */
export async function runGatewayCommand(context: GatewayContext, request: Request): Promise<Answer> {
  const name = request.action as keyof typeof gatewayHandlers;
  if (!Object.hasOwn(gatewayHandlers, name)) throw new SyntaxError(`no gateway command ${name}`);
  const handler = gatewayHandlers[name] as (context: GatewayContext, body: unknown) => Promise<unknown>;
  return { frame: "", effect: { kind: "answer", value: await handler(context, request.payload) } };
}

async function logIn(
  context: CommandContext,
  command: Command,
  request: Request,
  outbox: Outbox,
): Promise<Answer> {
  if (request.action !== "authenticate") throw new Refusal("protocol.unauthenticated");
  const { user, before } = await authenticate(context, loginBody(request, command.frame), command.address);
  const { world, now } = context;
  const access = resolveAccess(world, user);
  const config = worldConfig(world, access);
  const unlimited = access.world.has("world:connections.unlimited");
  await outbox.connected(context, user, unlimited ? 0 : world.connectionLimit);
  if (before !== null) tellOthers(context, before, user, config, outbox);
  outbox.share(config);
  const own = ownUserJson(world, user, now);
  return {
    frame: [
      `["authenticated",{"user.config":${own},"world.config":`,
      { shared: config.hash },
      `,"chat.channels":[],"chat.read_pointers":{}}]`,
    ],
    effect: { kind: "login", user: user.id, version: user.version },
  };
}

/** A long number as `client_id` is its digits: as a double it could be somebody else's. */
function loginBody({ payload }: Request, frame: string): unknown {
  const { client_id: clientId } = (payload ?? {}) as Record<string, unknown>;
  if (!isLongInteger(clientId)) return payload;
  const parts = JSON.parse(quoteLongIntegers(frame)) as unknown[];
  return { ...(payload as object), client_id: (parts.at(-1) as Record<string, unknown>).client_id };
}

/** A token changed the account: its other connections hear of what they can see of it. */
function tellOthers(
  context: CommandContext,
  before: UserRow,
  user: UserRow,
  config: SharedText,
  outbox: Outbox,
): void {
  const { world, now } = context;
  const seenBefore = { ...before, last_login_at: user.last_login_at };
  outbox.userChanged(context, user, {
    shown: ownUserJson(world, seenBefore, now) !== ownUserJson(world, user, now),
    access: worldConfig(world, resolveAccess(world, before)).hash !== config.hash,
  });
}

async function read(
  context: CommandContext,
  name: CommandName,
  actorId: string,
  request: Request,
): Promise<Answer> {
  const fault = bodyFault(name, request.payload);
  const bound = handlers[name] as ReadCommand<unknown> | AccountRead<unknown>;
  const handler = "run" in bound ? bound : readAlone(bound);
  const reading = context.loaders.user(context.world.id, "id", actorId);
  if (fault === null) handler.prefetch?.(context, request.payload);
  const permitted = permit(context, commands[name].permission, await reading);
  if (fault !== null) throw fault;
  const result = await handler.run(permitted, request.payload);
  const { bigAnswers } = context.services;
  if (typeof result !== "string") return await bigAnswers.answer(context, actorId, request.id, result);
  if (result.length > MAX_REPLY) return await bigAnswers.whole(context, request.id, result);
  return { frame: successFrame(request.id, result), effect: null };
}

/** A command that is answered with others of its batch as a rule (`account-reads.ts`), by itself. */
function readAlone({ accounts, answer }: AccountRead<unknown>): ReadCommand<unknown> {
  const load = ({ loaders, world }: CommandContext, body: unknown) => {
    const { key, values } = accounts(body);
    return values.map((value) => loaders.user(world.id, key, value));
  };
  return {
    prefetch(context, body) {
      for (const reading of load(context, body)) reading.catch(() => {});
    },
    async run(context, body) {
      const users = await Promise.all(load(context, body));
      const { values } = accounts(body);
      return answer(context, body, (_, value) => users[values.indexOf(value)]);
    },
  };
}

async function write(
  context: CommandContext,
  name: CommandName,
  actorId: string,
  request: Request,
  outbox: Outbox,
): Promise<Answer> {
  const actor = { id: actorId, permission: commands[name].permission };
  const fault = bodyFault(name, request.payload);
  if (fault !== null) return await refuse(context, actor, fault);
  const handler = handlers[name] as WriteCommand<unknown>;
  const { result, changed } = await runWriteCommand(context, handler, actor, request.payload, outbox);
  logModeration(context, name, actorId, request.payload);
  const own = changed.find((user) => user.id === actorId);
  return {
    frame: successFrame(request.id, result),
    effect: own === undefined ? null : { kind: "changed", version: own.version },
  };
}

/** Who acts: an account, and the permission that it needs; or the operator (`operator.ts`). */
interface Actor {
  id: string;
  permission: string;
}

/** Runs a writing command of a user or of the operator, and tells whom it concerns. */
export async function runWriteCommand(
  context: CommandContext,
  handler: WriteCommand<unknown>,
  actor: Actor,
  body: unknown,
  outbox: Outbox,
): Promise<{ result: string; changed: UserRow[] }> {
  try {
    await handler.before?.(context, actor.id, body);
  } catch (error) {
    if (error instanceof Refusal) return await refuse(context, actor, error);
    throw error;
  }
  const affected = handler.affects?.(body) ?? [];
  const written =
    (await runShared(context, handler, actor, body)) ??
    (await runOnce(context, handler, actor, affected, body));
  const changed = written.changed ?? (await readNow(context, [actor.id, ...affected]));
  // Of what had run before it is not known whether it changed that.
  const access = written.changed === null;
  for (const user of changed) outbox.userChanged(context, user, { shown: true, access });
  for (const user of written.accessChanged ?? []) {
    outbox.userChanged(context, user, { shown: false, access: true });
  }
  // Also where it had run before: its worker may have died before the fence was raised.
  for (const id of handler.cutsOff?.(body) ?? []) await cutOff(context, id);
  return { result: written.result, changed };
}

/** Refuses before a transaction is begun. Whoever may not do it at all is told that, and nothing of the payload. */
async function refuse(context: CommandContext, actor: Actor, refusal: Refusal): Promise<never> {
  permit(context, actor.permission, await context.loaders.user(context.world.id, "id", actor.id));
  throw refusal;
}

/** Runs it with others of its batch where that is possible; null where it has to be run alone. */
async function runShared(
  context: CommandContext,
  handler: WriteCommand<unknown>,
  actor: Actor,
  body: unknown,
): Promise<Written | null> {
  if (!canShare(handler) || context.isOperator) return null;
  return await context.loaders.write(context.world.id, { handler, context, actor, body });
}

function canShare(handler: WriteCommand<unknown>): handler is SharedWrite["handler"] {
  return handler.runTogether !== undefined;
}

/** Raised inside the transaction of a command that has run before, so that nothing of it stays. */
class HasRunBefore extends Error {}

/**
 * Runs a writing command in its transaction, unless it has run before: then the recorded answer is given, and
 * who changed then is unknown, since the worker may have died before it told anybody.
 */
async function runOnce(
  context: CommandContext,
  handler: WriteCommand<unknown>,
  actor: Actor,
  affected: string[],
  body: unknown,
): Promise<Omit<Written, "changed"> & { changed: UserRow[] | null }> {
  const { services, world, commandId, position } = context;
  try {
    return await transact(services.sql, async (tx) => {
      const rows = await lockUsers(tx, world.id, [actor.id, ...affected]);
      const locked = new Map(rows.map((row) => [row.id, row]));
      const acting = context.isOperator ? OPERATOR : locked.get(actor.id);
      const permitted = permitWriter(context, actor.permission, acting);
      const written = await handler.run(Object.assign(permitted, { actor: acting!, tx, locked }), body);
      const user = context.isOperator ? null : actor.id;
      const logged = { commandId, world: world.id, user, position };
      const isNew = await insertCommand(tx, logged, { result: JSON.parse(written.result) });
      if (!isNew) throw new HasRunBefore();
      return written;
    });
  } catch (error) {
    if (!(error instanceof HasRunBefore || error instanceof Refusal)) throw error;
    // A command that deleted somebody finds nobody to delete the second time: its record comes first.
    const recorded = await selectAnswer(services.sql, world.id, commandId);
    if (recorded === undefined || "error" in recorded) throw error;
    services.metrics.duplicatesSuppressed.inc();
    return { result: JSON.stringify(recorded.result), changed: null };
  }
}

async function readNow(context: CommandContext, ids: string[]): Promise<UserRow[]> {
  const rows = await Promise.all(ids.map((id) => context.loaders.user(context.world.id, "id", id)));
  return rows.filter((row) => row !== undefined);
}
