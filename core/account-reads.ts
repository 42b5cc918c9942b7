/**
 * Reading commands that need nothing but accounts, of a whole batch: one statement for all of them, which fetches only
 * what is not as the worker knows it (`account-cache.ts`), and no promise for any single one. What has something in its
 * way is left to `run-command.ts`, as if it had not been here.
 */
import { type CommandName, commands, isCommand } from "../shared/protocol/commands.ts";
import { Refusal } from "../shared/protocol/errors.ts";
import { type FrameId, successFrame } from "../shared/protocol/frames.ts";
import type { AccountCache } from "./account-cache.ts";
import { bodyFault } from "./commands/body.ts";
import type { AccountRead, FindAccount } from "./commands/context.ts";
import { handlers } from "./commands/handlers.ts";
import { storedKey } from "./loaders.ts";
import { resolveAccess } from "./permissions.ts";
import type { parseRequest } from "./run-command.ts";
import type { Sql } from "./sql/database.ts";
import { selectUsers, type UserKey, type UserRow } from "./sql/users.ts";
import type { World } from "./world.ts";

/** A command whose accounts are being read. */
export interface BegunRead {
  name: CommandName;
  id: FrameId | undefined;
  world: World;
  actor: string;
  body: unknown;
  handler: AccountRead<unknown>;
}

/** Accounts of one world, by the keys by which they are asked for. */
type Accounts = Map<UserKey, Map<string, UserRow | undefined>>;

/** How frames of these commands begin, as clients write them; one that is written otherwise is answered all the same. */
const starts = Object.entries(handlers)
  .filter(([, handler]) => isAccountRead(handler))
  .map(([name]) => `["${name}",`);

/** Whether a frame looks like one of these, before it is parsed. */
export function looksLikeRead(frame: string): boolean {
  return starts.some((start) => frame.startsWith(start));
}

/** Those of one batch. */
export class AccountReads {
  readonly #sql: Sql;
  readonly #cache: AccountCache;
  /** By world; undefined until they are read, and where there are none. */
  readonly #worlds = new Map<string, Accounts>();
  #reading: Promise<void> | null = null;

  constructor(sql: Sql, cache: AccountCache) {
    this.#sql = sql;
    this.#cache = cache;
  }

  /** Asks for the accounts of a command; null when it is none of these, or not to be answered from them. */
  begin(request: ReturnType<typeof parseRequest>, actor: string, world: World): BegunRead | null {
    const { action, id, payload: body } = request;
    if (!isCommand(action)) return null;
    const handler = handlers[action] as object;
    if (!isAccountRead(handler) || bodyFault(action, body) !== null) return null;
    const wanted = accountsOf(handler, body);
    if (wanted === null) return null;
    this.#want(world.id, "id", actor);
    for (const value of wanted.values) this.#want(world.id, wanted.key, value);
    return { name: action, id, world, actor, body, handler };
  }

  /** Reads what is asked for in this turn of the event loop. */
  read(): Promise<void> {
    this.#reading ??= Promise.resolve().then(() => this.#select());
    return this.#reading;
  }

  /** The answer once all is read. @throws Refusal */
  answer({ name, id, world, actor, body, handler }: BegunRead, now: number): string {
    const accounts = this.#worlds.get(world.id)!;
    const find: FindAccount = (key, value) => {
      const found = accounts.get(key)!;
      return found.get(value) ?? found.get(storedKey(key, value) ?? "");
    };
    const acting = find("id", actor);
    const access = acting && resolveAccess(world, acting);
    if (!access?.world.has(commands[name].permission)) throw new Refusal("auth.denied");
    return successFrame(id, handler.answer({ world, access, now }, body, find));
  }

  #want(world: string, key: UserKey, value: string): void {
    const stored = storedKey(key, value);
    let accounts = this.#worlds.get(world);
    if (accounts === undefined) {
      accounts = new Map();
      this.#worlds.set(world, accounts);
    }
    let wanted = accounts.get(key);
    if (wanted === undefined) {
      wanted = new Map();
      accounts.set(key, wanted);
    }
    if (stored !== null) wanted.set(stored, undefined);
  }

  async #select(): Promise<void> {
    const reads = [...this.#worlds].flatMap(([world, accounts]) =>
      [...accounts].map(async ([key, wanted]) => {
        if (key === "id") return await this.#cache.read(this.#sql, world, wanted);
        const rows = await selectUsers(this.#sql, world, key, [...wanted.keys()]);
        for (const row of rows) wanted.set(row[key]!, row);
      }),
    );
    await Promise.all(reads);
  }
}

function isAccountRead(handler: object): handler is AccountRead<unknown> {
  return "accounts" in handler;
}

function accountsOf(handler: AccountRead<unknown>, body: unknown) {
  try {
    return handler.accounts(body);
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
