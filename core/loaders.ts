/**
 * What the commands of one batch share: reads of accounts, one SQL statement for all that are asked for in a
 * turn of the event loop; and writes of logins and of what runs together, likewise. Nothing lives longer than its batch.
 */
import DataLoader from "dataloader";
import type { Written } from "./commands/context.ts";
import { runTogether, type SharedWrite } from "./shared-writes.ts";
import type { LoggedCommand } from "./sql/command-log.ts";
import { retryConflicts, type Sql } from "./sql/database.ts";
import { type NewLogin, writeNewLogins } from "./sql/logins.ts";
import { type LoginTouch, selectUsers, touchLogins, type UserKey, type UserRow } from "./sql/users.ts";
import { asUuid, isStorable } from "./storable.ts";

/** What came of it: other traits were there than the login had found. */
type Touched = "touched" | "denied" | "overtaken";

/** The loaders of one batch. */
export interface Loaders {
  /** An account by one of its keys; undefined when there is none. */
  user(world: string, key: UserKey, value: string): Promise<UserRow | undefined>;
  /** Sets the last-login time, unless the account may no longer log in. */
  touchLogin(world: string, touch: LoginTouch): Promise<Touched>;
  /** Makes an account; undefined when somebody else was faster or the command has run before. */
  newLogin(world: string, login: NewLogin & LoggedCommand): Promise<UserRow | undefined>;
  /** Reads something once for all of the batch that ask for it. @param key of Redis */
  once<T>(key: string, read: () => Promise<T>): Promise<T>;
  /** Runs a writing command with others of its kind; null when it has to be run alone (`shared-writes.ts`). */
  write(world: string, write: SharedWrite): Promise<Written | null>;
}

/** What runs commands of one kind together, by world. */
type Writes = Map<string, DataLoader<SharedWrite, Written | null>>;

/** So many commands share a transaction at the most: others wait for the accounts that it has locked. */
const MAX_TOGETHER = 100;

export function createLoaders(sql: Sql): Loaders {
  const users = new Map<string, Record<UserKey, DataLoader<string, UserRow | undefined>>>();
  const touches = new Map<string, DataLoader<LoginTouch, Touched>>();
  const logins = new Map<string, DataLoader<NewLogin & LoggedCommand, UserRow | undefined>>();
  const writes = new Map<SharedWrite["handler"], Writes>();
  const reads = new Map<string, Promise<unknown>>();

  return {
    user(world, key, value) {
      const loader = remember(users, world, () => userLoaders(sql, world))[key];
      const stored = storedKey(key, value);
      return stored === null ? Promise.resolve(undefined) : loader.load(stored);
    },
    touchLogin: (world, touch) =>
      remember(touches, world, () => {
        return new DataLoader<LoginTouch, Touched>(
          async (list) => {
            const found = await retryConflicts(() => touchLogins(sql, world, list));
            return list.map((each) => touchedAs(each, found.get(each.id)));
          },
          { cache: false },
        );
      }).load(touch),
    newLogin: (world, login) =>
      remember(logins, world, () => {
        return new DataLoader<NewLogin & LoggedCommand, UserRow | undefined>(
          (list) => writeNewLogins(sql, world, list),
          { cache: false },
        );
      }).load(login),
    once: <T>(key: string, read: () => Promise<T>) => remember(reads, key, read) as Promise<T>,
    write: (world, write) =>
      remember(
        remember(writes, write.handler, (): Writes => new Map()),
        world,
        () =>
          new DataLoader<SharedWrite, Written | null>((list) => runTogether(sql, world, list), {
            cache: false,
            maxBatchSize: MAX_TOGETHER,
          }),
      ).load(write),
  };
}

/** A key as a column holds it. What none can hold is nobody's, and would be an error for all who share the statement. */
export function storedKey(key: UserKey, value: string): string | null {
  if (key === "id") return asUuid(value);
  return isStorable(value) ? value : null;
}

function touchedAs({ traits }: LoginTouch, found: string | undefined): Touched {
  if (found === undefined) return "denied";
  return traits === null || traits.found === found ? "touched" : "overtaken";
}

function userLoaders(sql: Sql, world: string) {
  const by = (key: UserKey) =>
    new DataLoader<string, UserRow | undefined>(async (values) => {
      const rows = await selectUsers(sql, world, key, values);
      const found = new Map(rows.map((row) => [row[key], row]));
      return values.map((value) => found.get(value));
    });
  return { id: by("id"), client_id: by("client_id"), token_id: by("token_id"), pretalx_id: by("pretalx_id") };
}

function remember<K, T>(map: Map<K, T>, key: K, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
