/**
 * `authenticate` (docs/protocol.md): finds or makes the account behind a token, a client id or an invite, and answers
 * with what the client needs to begin.
 */
import { randomUUID } from "node:crypto";
import type { LoginBody } from "../../shared/protocol/authenticate.ts";
import { Refusal } from "../../shared/protocol/errors.ts";
import { runScript } from "../../shared/redis/lua.ts";
import { resolveAccess, type Subject } from "../permissions.ts";
import { insertAudit } from "../sql/audit-log.ts";
import { insertCommand } from "../sql/command-log.ts";
import { transact } from "../sql/database.ts";
import { selectInvitedRoom } from "../sql/invites.ts";
import {
  insertInvitedGrants,
  insertUsers,
  isPretalxIdTaken,
  lockUsers,
  selectUsers,
  touchLogins,
  type UserKey,
  type UserRow,
  updateFromToken,
} from "../sql/users.ts";
import { asId, type Claims, verifyToken } from "../tokens.ts";
import type { CommandContext } from "./context.ts";

/** Who logged in. */
export interface Login {
  user: UserRow;
  /** The account as it was, where the token changed it. */
  before: UserRow | null;
}

/** What anybody is who has no account yet. */
const newcomer: Omit<Subject, "type" | "traits"> = {
  moderation_state: "",
  deleted: false,
  world_roles: [],
  room_roles: [],
};

/**
 * Logs in.
 *
 * @param address where from, for the limit on failures; null: not counted
 * @throws Refusal with one of the codes of docs/protocol.md
 */
export async function authenticate(
  context: CommandContext,
  body: unknown,
  address: string | null,
): Promise<Login> {
  await refuseAfterFailures(context, address);
  try {
    return await findOrMake(context, body);
  } catch (error) {
    if (error instanceof Refusal && address !== null) {
      await runScript(context.services.redis, "count-failure", context.services.keys.failedLogins(address));
    }
    throw error;
  }
}

async function findOrMake(context: CommandContext, body: unknown): Promise<Login> {
  const {
    token,
    client_id: clientId,
    invite_token: invite,
  } = (body ?? {}) as { [K in keyof LoginBody]?: unknown };
  if (token != null) {
    if (typeof token !== "string") throw new Refusal("auth.invalid_token");
    const claims = verifyToken(context.world.tokenKeys, token, context.now);
    if (claims.uid === undefined) return await logInKiosk(context, claims.kioskId);
    return await retryLostRaces(context, (find) => logInWithToken(context, find, claims));
  }
  const id = asId(clientId);
  if (id === null) throw new Refusal("auth.missing_id_or_token");
  return await retryLostRaces(context, (find) => logInAsGuest(context, find, id, invite));
}

async function refuseAfterFailures(
  { services, loaders }: CommandContext,
  address: string | null,
): Promise<void> {
  const limit = services.settings.FOYER_MAX_FAILED_LOGINS_PER_IP;
  if (address === null || limit === 0) return;
  const key = services.keys.failedLogins(address);
  // Behind one address may be a whole conference.
  const failures = await loaders.once(key, () => services.redis.get(key));
  if (Number(failures) < limit) return;
  throw new Refusal("protocol.rate_limited", { retry_after_ms: Math.max(1, await services.redis.pttl(key)) });
}

/** Finds an account by one of its keys. */
type Find = (key: UserKey, value: string) => Promise<UserRow | undefined>;

/** Two first logins at once make one account: who lost looks again, past what the batch remembers. */
async function retryLostRaces(
  { loaders, services, world }: CommandContext,
  attempt: (find: Find) => Promise<Login | undefined>,
): Promise<Login> {
  const remembered: Find = (key, value) => loaders.user(world.id, key, value);
  const fresh: Find = async (key, value) => (await selectUsers(services.sql, world.id, key, [value]))[0];
  for (const find of [remembered, fresh, fresh]) {
    const login = await attempt(find);
    if (login !== undefined) return login;
  }
  // The command has run before, and its account is gone since.
  throw new Refusal("auth.denied");
}

async function logInWithToken(
  context: CommandContext,
  find: Find,
  claims: Claims,
): Promise<Login | undefined> {
  const { world, loaders, commandId, position } = context;
  const account = await find("token_id", claims.uid);
  if (account === undefined) {
    if (!isAdmitted(context, { ...newcomer, type: "person", traits: claims.traits }))
      throw new Refusal("auth.denied");
    const user = await loaders.newLogin(world.id, {
      ...nobody(),
      token_id: claims.uid,
      pretalx_id: claims.pretalxId,
      profile: JSON.stringify(claims.profile),
      traits: claims.traits,
      commandId,
      position,
      world: world.id,
      user: null,
    });
    return user && { user, before: null };
  }
  if (!isAdmitted(context, { ...account, traits: claims.traits })) throw new Refusal("auth.denied");
  if (changes(account, claims, position)) return await applyToken(context, account.id, claims);
  // Another login brought other traits since the account was read: which of them count is decided under its lock.
  return (await touch(context, account, position)) ?? (await applyToken(context, account.id, claims));
}

function changes(account: UserRow, claims: Claims, position: string): boolean {
  const newTraits = !areSame(account.traits, claims.traits);
  return (
    (newTraits && account.traits_position < position) ||
    (claims.pretalxId !== null && account.pretalx_id === null)
  );
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((trait, i) => trait === b[i]);
}

/** Writes the token's traits and pretalx id to an account that exists. */
async function applyToken(context: CommandContext, id: string, claims: Claims): Promise<Login | undefined> {
  const { world, services, commandId, position } = context;
  return await transact(services.sql, async (tx) => {
    const [account] = await lockUsers(tx, world.id, [id]);
    if (account === undefined) return undefined;
    const traits = account.traits_position < position ? claims.traits : account.traits;
    if (!isAdmitted(context, { ...account, traits })) throw new Refusal("auth.denied");
    const wantsId =
      claims.pretalxId !== null && account.pretalx_id === null && account.pretalx_id_position < position;
    const pretalxId =
      wantsId && !(await isPretalxIdTaken(tx, world.id, claims.pretalxId!)) ? claims.pretalxId : null;
    const newTraits = !areSame(account.traits, traits);
    if (!newTraits && pretalxId === null) {
      // Another login brought the same news first, or another account has the pretalx id.
      await touchLogins(tx, world.id, [{ id, traits: { found: account.traits_position, position } }]);
      return { user: { ...account, last_login_at: context.now }, before: null };
    }

    await updateFromToken(tx, world.id, id, { traits, position, pretalxId });
    const audit = { actor: id, user: id, commandId };
    if (newTraits) {
      const data = JSON.stringify({ old: account.traits, new: traits });
      await insertAudit(tx, world.id, { ...audit, event: "traits", data });
    }
    if (pretalxId !== null) {
      const data = JSON.stringify({ old: null, new: pretalxId, by_admin: false });
      await insertAudit(tx, world.id, { ...audit, event: "pretalx_id", data });
    }
    await insertCommand(tx, { commandId, world: world.id, user: id, position }, { result: {} });
    const user: UserRow = {
      ...account,
      traits: [...traits],
      pretalx_id: account.pretalx_id ?? pretalxId,
      version: account.version + 1,
      last_login_at: context.now,
    };
    return { user, before: account };
  });
}

async function logInKiosk(context: CommandContext, id: string): Promise<Login> {
  const account = await context.loaders.user(context.world.id, "id", id);
  if (account?.type !== "kiosk" || !isAdmitted(context, account)) throw new Refusal("auth.denied");
  return (await touch(context, account))!;
}

async function logInAsGuest(
  context: CommandContext,
  find: Find,
  clientId: string,
  invite: unknown,
): Promise<Login | undefined> {
  const { world, loaders, commandId, position } = context;
  const account = await find("client_id", clientId);
  if (account !== undefined) {
    if (account.deleted || account.moderation_state === "banned") throw new Refusal("auth.denied");
    if (!isAdmitted(context, account)) throw new Refusal("auth.missing_token");
    return await touch(context, account);
  }
  if (invite != null) return await makeInvited(context, clientId, invite);
  if (!isAdmitted(context, { ...newcomer, type: "person", traits: [] }))
    throw new Refusal("auth.missing_token");
  const user = await loaders.newLogin(world.id, {
    ...nobody(),
    client_id: clientId,
    commandId,
    position,
    world: world.id,
    user: null,
  });
  return user && { user, before: null };
}

/** An anonymous user of one room: the grants that the invite gives are all it will ever have. */
async function makeInvited(
  context: CommandContext,
  clientId: string,
  invite: unknown,
): Promise<Login | undefined> {
  const { world, services, commandId, position } = context;
  const token = asId(invite);
  const room = token === null ? undefined : await selectInvitedRoom(services.sql, world.id, token);
  if (room === undefined) throw new Refusal("auth.missing_token");
  const account = { ...nobody(), type: "anon" as const, client_id: clientId, position };
  const user = await transact(services.sql, async (tx) => {
    const made = await insertUsers(tx, world.id, [account]);
    if (!made.has(account.id)) return undefined;
    await insertInvitedGrants(tx, world.id, account.id, room);
    const logged = { commandId, world: world.id, user: account.id, position };
    if (!(await insertCommand(tx, logged, { result: {} }))) throw new Refusal("auth.denied");
    const [row] = await selectUsers(tx, world.id, "id", [account.id]);
    return row;
  });
  return user && { user, before: null };
}

/**
 * Sets the last-login time of an account that may log in; whether it may is asked again under its lock.
 *
 * @param position of a login whose token has the account's traits
 * @returns undefined when the account has other traits by now, and their place is not this login's to take
 */
async function touch(
  { loaders, world, now }: CommandContext,
  account: UserRow,
  position: string | null = null,
): Promise<Login | undefined> {
  const traits = position === null ? null : { found: account.traits_position, position };
  const touched = await loaders.touchLogin(world.id, { id: account.id, traits });
  if (touched === "denied") throw new Refusal("auth.denied");
  return touched === "overtaken" ? undefined : { user: { ...account, last_login_at: now }, before: null };
}

function isAdmitted({ world }: CommandContext, subject: Subject): boolean {
  return resolveAccess(world, subject).world.has("world:view");
}

function nobody() {
  return {
    id: randomUUID(),
    type: "person" as UserRow["type"],
    client_id: null,
    token_id: null,
    pretalx_id: null,
    profile: "{}",
    traits: [],
  };
}
