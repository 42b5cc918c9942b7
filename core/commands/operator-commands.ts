/**
 * What an operator's commands do: `ban`, `silence`, `reactivate` and `delete` are a moderator's own, run by the
 * same code. See `shared/protocol/operator-commands.ts`.
 */
import { errorBody, Refusal } from "../../shared/protocol/errors.ts";
import { errorFrame, type FrameId, successFrame } from "../../shared/protocol/frames.ts";
import {
  type OperatorAction,
  type OperatorBody,
  type OperatorResult,
  operatorActionOf,
} from "../../shared/protocol/operator-commands.ts";
import { logModeration } from "../moderation-log.ts";
import { OPERATOR } from "../operator.ts";
import { type Outbox, runWriteCommand } from "../run-command.ts";
import { selectAnswer } from "../sql/command-log.ts";
import { selectUsers, type UserKey, type UserRow } from "../sql/users.ts";
import type { Answer, CommandContext, WriteCommand } from "./context.ts";
import { handlers } from "./handlers.ts";
import { operatorGrant, operatorRevoke } from "./operator-grants.ts";
import { operatorShow } from "./operator-show.ts";

/** A frame as the command line sent it. */
interface Request {
  action: string;
  id: FrameId | undefined;
  payload: unknown;
}

const PERMISSION = "world:users.manage";

/** Runs one. Errors that are neither refusals nor conflicts are the caller's. */
export async function runOperatorCommand(
  context: CommandContext,
  request: Request,
  outbox: Outbox,
): Promise<Answer> {
  try {
    const action = operatorActionOf(request.action);
    if (action === undefined) throw new Refusal("user.unsupported_command");
    const result = await run(context, action, checkBody(request.payload), outbox);
    return { frame: successFrame(request.id, JSON.stringify(result)), effect: null };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { frame: errorFrame(request.id, errorBody(error.code, error.details)), effect: null };
  }
}

async function run(context: CommandContext, action: OperatorAction, body: OperatorBody, outbox: Outbox) {
  const user = await findTarget(context, body);
  if (action === "show") {
    if (user === undefined) throw new Refusal("user.not_found");
    return await operatorShow(context, user);
  }
  context.isOperator = true;
  const handler = writeCommandOf(action);
  if (user === undefined) return await answerAgain(context);
  const payload = { id: user.id, role: body.role, room: body.room };
  const actor = { id: OPERATOR.id, permission: PERMISSION };
  const { result } = await runWriteCommand(context, handler, actor, payload, outbox);
  logModeration(context, `operator.${action}`, null, payload);
  return await describe(context, user.id, result);
}

/** @throws Refusal `user.unsupported_command` when this worker does not know it */
function writeCommandOf(action: Exclude<OperatorAction, "show">): WriteCommand<unknown> {
  if (action === "grant") return operatorGrant as WriteCommand<unknown>;
  if (action === "revoke") return operatorRevoke as WriteCommand<unknown>;
  const handler = (handlers as Record<string, unknown>)[`user.${action}`];
  if (handler === undefined) throw new Refusal("user.unsupported_command");
  return handler as WriteCommand<unknown>;
}

async function findTarget({ loaders, world }: CommandContext, { target }: OperatorBody) {
  const [key, value] = Object.entries(target)[0] as [string, string];
  const column: UserKey = key === "uid" ? "token_id" : key === "client_id" ? key : "id";
  return await loaders.user(world.id, column, value);
}

/** Nobody goes by this key: perhaps any more, because the command was run before and has deleted the account. */
async function answerAgain({ services, world, commandId }: CommandContext): Promise<OperatorResult> {
  const recorded = await selectAnswer(services.sql, world.id, commandId);
  if (recorded === undefined || "error" in recorded) throw new Refusal("user.not_found");
  services.metrics.duplicatesSuppressed.inc();
  return { id: null, state: null };
}

/** The account as it is after the command: silencing somebody who is banned changes nothing, for one. */
async function describe(context: CommandContext, id: string, result: string): Promise<OperatorResult> {
  const { services, world } = context;
  const [user] = await selectUsers(services.sql, world.id, "id", [id]);
  return { ...JSON.parse(result), id, state: user === undefined ? null : stateOf(user) };
}

function stateOf({ deleted, moderation_state }: UserRow): string {
  return deleted ? "deleted" : moderation_state || "active";
}

/** @throws Refusal for what no command line of ours sends */
function checkBody(payload: unknown): OperatorBody {
  const { target, role = null, room = null } = (payload ?? {}) as Partial<OperatorBody>;
  const values = typeof target === "object" && target !== null ? Object.values(target) : [];
  if (values.length !== 1 || typeof values[0] !== "string") {
    throw new Refusal("user.invalid_body", { path: "/target", expected: "one of id, uid, client_id" });
  }
  return { target: target as OperatorBody["target"], role, room };
}
