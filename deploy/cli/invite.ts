/** `foyer invite`: lets an anonymous user into one room. */
import { createInvite } from "../../core/invites.ts";
import type { Sql } from "../../core/sql/database.ts";
import { selectRooms, selectWorldVersion } from "../../core/sql/worlds.ts";
import { Failure, type Io } from "./failure.ts";
import { type StoreOptions, withDatabase } from "./stores.ts";

/** The options of `foyer invite`. */
export interface InviteOptions extends StoreOptions {
  world: string;
  /** The room's id in the world file. */
  room: string;
  /** Seconds. */
  expiresIn: number;
}

/** Makes an invite and prints its token. */
export async function runInvite(options: InviteOptions, io: Io): Promise<number> {
  const { world, room, expiresIn } = options;
  return await withDatabase(io, options, async (sql) => {
    const token = await createInvite(sql, world, room, expiresIn);
    if (token === null) throw new Failure(await whyNone(sql, world, room));
    io.stdout.write(`${token}\n`);
    return 0;
  });
}

async function whyNone(sql: Sql, world: string, room: string): Promise<string> {
  if ((await selectWorldVersion(sql, world)) === undefined) {
    return `there is no world "${world}": foyer world list shows those there are`;
  }
  const rooms = await selectRooms(sql, world);
  const ids = rooms.map((each) => each.import_id).join(", ");
  return `world "${world}" has no room "${room}": its rooms are ${ids || "none"}`;
}
