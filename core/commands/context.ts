/** What a command is given, and what it gives back. */
import type { Effect, Recipient, ReplyPart } from "../../shared/envelope.ts";
import type { Logger } from "../../shared/log.ts";
import type { RedisClient } from "../../shared/redis/connect.ts";
import type { Keys } from "../../shared/redis/keys.ts";
import type { Settings } from "../../shared/settings.ts";
import type { AccountCache } from "../account-cache.ts";
import type { BigAnswers } from "../big-answer.ts";
import type { Loaders } from "../loaders.ts";
import type { CoreMetrics } from "../metrics.ts";
import type { Access } from "../permissions.ts";
import type { PlannerStatistics } from "../planner-statistics.ts";
import { positionOf } from "../position.ts";
import type { SearchedWorlds } from "../searched-worlds.ts";
import type { Sql, Transaction } from "../sql/database.ts";
import type { LockedUser, UserKey, UserRow } from "../sql/users.ts";
import type { World } from "../world.ts";
import type { WorldCache } from "../world-cache.ts";

/** What a worker lends to every command. */
export interface Services {
  sql: Sql;
  redis: RedisClient;
  keys: Keys;
  settings: Settings;
  worlds: WorldCache;
  metrics: CoreMetrics;
  log: Logger;
  bigAnswers: BigAnswers;
  searched: SearchedWorlds;
  accounts: AccountCache;
  statistics: PlannerStatistics;
}

/** Where a command came from. */
export interface Origin extends Recipient {
  connection: number;
  /** The gateway's number for it. */
  n: number;
  /** With which version of the account its connection logged in; null: no client's, or not known. */
  loginVersion: number | null;
  /** The stream entry that it came in, and its place there. */
  entryId: string;
  place: number;
}

/** A command under way, whoever sent it. One object a command, made for each of thousands a second. */
export class CommandContext {
  readonly services: Services;
  readonly loaders: Loaders;
  readonly world: World;
  readonly origin: Origin;
  /** ms since the epoch. */
  readonly now = Date.now();
  /** Set once the actor is permitted: see `ReadContext`. */
  actor: UserRow | null = null;
  access: Access | null = null;
  /** The operator's hand, not a user: it may do everything, and the audit log names nobody. */
  isOperator = false;
  /** Set inside its transaction: see `WriteContext`. */
  tx: Transaction | null = null;
  locked: ReadonlyMap<string, LockedUser> | null = null;

  constructor(services: Services, loaders: Loaders, world: World, origin: Origin) {
    this.services = services;
    this.loaders = loaders;
    this.world = world;
    this.origin = origin;
  }

  /** `gateway.n`: the same however often the command is delivered. */
  get commandId(): string {
    return `${this.origin.gateway}.${this.origin.n}`;
  }

  /** Its place among all commands (`position.ts`). */
  get position(): string {
    return positionOf(this.origin.entryId, this.origin.place);
  }
}

/** A reading command of somebody logged in. */
export type ReadContext = CommandContext & { actor: UserRow; access: Access };

/** A writing one, inside its transaction. */
export type WriteContext = ReadContext & {
  actor: LockedUser;
  tx: Transaction;
  /** The accounts that it named, locked, by id; the actor is always among them. */
  locked: ReadonlyMap<string, LockedUser>;
};

/** What a writing command did. */
export interface Written {
  /** The answer, as JSON text. */
  result: string;
  /** Accounts whose user object changed, as they are now. */
  changed: UserRow[];
  /** Accounts of which what they may see changed. */
  accessChanged?: UserRow[];
}

/** Takes pieces of JSON text; what comes next may be read once it resolves, unless to false: nobody wants it. */
export type WriteResult = (pieces: readonly string[]) => Promise<boolean>;

/** Writes a result of any size (`big-answer.ts`). */
export type BigResult = (write: WriteResult) => Promise<void>;

/** A reading command: a small function, and what it can ask for before the actor is known. */
export interface ReadCommand<Body> {
  /** Starts reads, so that they share a statement with the reading of the actor. */
  prefetch?(context: CommandContext, body: Body): void;
  /** @returns the answer, as JSON text, or what writes it piece by piece where it may be big */
  run(context: ReadContext, body: Body): Promise<string | BigResult>;
}

/** Finds one of the accounts that were asked for. */
export type FindAccount = (key: UserKey, value: string) => UserRow | undefined;

/** A reading command that needs nothing but accounts (`account-reads.ts`). */
export interface AccountRead<Body> {
  /** Which ones, besides the actor's. */
  accounts(body: Body): { key: UserKey; values: readonly string[] };
  /** @returns the answer, as JSON text */
  answer(view: Pick<ReadContext, "world" | "access" | "now">, body: Body, find: FindAccount): string;
}

/** A writing command. */
export interface WriteCommand<Body> {
  /** Ids of the accounts that it changes besides the actor's, to be locked with it. */
  affects?(body: Body): string[];
  /** What must hold before a transaction is begun: rate limits, for one. */
  before?(context: CommandContext, actor: string, body: Body): Promise<void>;
  /** Ids of accounts that it may have locked out: their connections are gone before it is answered. */
  cutsOff?(body: Body): string[];
  run(context: WriteContext, body: Body): Promise<Written>;
  /**
   * The same for many, each of another account, in one transaction with their rows in the command log
   * (`shared-writes.ts`). They are permitted by what is known of their accounts: what permissions depend on, and the
   * version below which connections are cut off, must be looked at under the accounts' locks.
   *
   * @returns null for each that did nothing and is not logged
   */
  runTogether?(
    sql: Sql,
    world: string,
    commands: readonly { context: CommandContext; known: UserRow; body: Body }[],
  ): Promise<(Written | null)[]>;
}

/** The answer to a command before it is a reply. */
export interface Answer {
  frame: string | (string | { shared: string })[];
  effect: Effect | null;
  /** The last part of one that went out in parts. */
  part?: ReplyPart;
}
