/**
 * What the commands of one batch share: reads of accounts, one SQL statement for all that are asked for in a
 * turn of the event loop; and writes of logins, likewise. Nothing lives longer than its batch.
 */
import DataLoader from "dataloader";
import type { LoggedCommand } from "./sql/command-log.ts";
import type { Sql } from "./sql/database.ts";
import { type NewLogin, writeNewLogins } from "./sql/logins.ts";
import { selectUsers, touchLogins, type UserKey, type UserRow } from "./sql/users.ts";
import { asUuid, isStorable } from "./storable.ts";

/** The loaders of one batch. */
export interface Loaders {
  /** An account by one of its keys; undefined when there is none. */
  user(world: string, key: UserKey, value: string): Promise<UserRow | undefined>;
  /** Sets the last-login time; false when the account may no longer log in. */
  touchLogin(world: string, id: string): Promise<boolean>;
  /** Makes an account; undefined when somebody else was faster or the command has run before. */
  newLogin(world: string, login: NewLogin & LoggedCommand): Promise<UserRow | undefined>;
}

export function createLoaders(sql: Sql): Loaders {
  const users = new Map<string, Record<UserKey, DataLoader<string, UserRow | undefined>>>();
  const touches = new Map<string, DataLoader<string, boolean>>();
  const logins = new Map<string, DataLoader<NewLogin & LoggedCommand, UserRow | undefined>>();

  return {
    user(world, key, value) {
      const loader = remember(users, world, () => userLoaders(sql, world))[key];
      // What Postgres cannot hold is nobody's, and would be an error to all who share the statement.
      if (key !== "id") return isStorable(value) ? loader.load(value) : Promise.resolve(undefined);
      const id = asUuid(value);
      return id === null ? Promise.resolve(undefined) : loader.load(id);
    },
    touchLogin: (world, id) =>
      remember(touches, world, () => {
        return new DataLoader<string, boolean>(async (ids) => {
          const touched = await touchLogins(sql, world, ids);
          return ids.map((id) => touched.has(id));
        });
      }).load(id),
    newLogin: (world, login) =>
      remember(logins, world, () => {
        return new DataLoader<NewLogin & LoggedCommand, UserRow | undefined>(
          (list) => writeNewLogins(sql, world, list),
          { cache: false },
        );
      }).load(login),
  };
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

function remember<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
