/** Where trials take place: two gateways, two moderators, enough accounts for a big list, and the audit log. */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import type { TestGateway } from "../../shared/testing/node.ts";
import { openConnection } from "../frame-client.ts";
import { inParallel } from "../guest.ts";
import type { Stage } from "../stage.ts";
import { Moderator } from "./moderator.ts";
import { WORLD } from "./world.ts";

/** What a trial needs. */
export interface Arena {
  near: TestGateway;
  far: TestGateway;
  /** Bans; connected to `near`. */
  moderator: Moderator;
  /** Changes the profile of whoever is banned, before and after; connected to `near`. */
  meddler: Moderator;
  records: Records;
  close(): Promise<void>;
}

/** Asked of the database itself, past the cluster. */
export interface Records {
  /**
   * Effects of users' own commands between their ban and their reactivation. Rows about one user are written under
   * the lock of that user's row, so that their ids say in which order they were committed.
   */
  lateEffects(users: readonly string[]): Promise<number>;
  /** Effects of users' own commands at all: where there are none, nothing was tried. */
  effects(users: readonly string[]): Promise<number>;
}

/** Together more than is answered in one piece. */
const EXTRAS = 20;
const EXTRA_CHARACTERS = 16_000;

/** Sets it up. @param far where users have connections besides `near` */
export async function openArena(stage: Stage, near: TestGateway, far: TestGateway): Promise<Arena> {
  const sql = postgres(stage.databaseUrl, { max: 1, onnotice() {} });
  await inParallel(EXTRAS, 4, (i) => addExtra(near, i));
  const [moderator, meddler] = [
    await Moderator.logIn(near, `moderator-${randomUUID()}`),
    await Moderator.logIn(near, `meddler-${randomUUID()}`),
  ];
  return {
    near,
    far,
    moderator,
    meddler,
    records: {
      async lateEffects(users) {
        const [row] = await sql`
          with turns as (
            select user_id, id, event, lead(id) over (partition by user_id order by id) as until from audit_log
            where world_id = ${WORLD} and user_id = any(${users as string[]}::uuid[])
              and event in ('banned', 'deleted', 'reactivated'))
          select count(*)::int as count from turns join audit_log late on late.world_id = ${WORLD}
            and late.user_id = turns.user_id and late.actor_id = turns.user_id
            and late.id > turns.id and (turns.until is null or late.id < turns.until)
          where turns.event <> 'reactivated'`;
        return row!.count;
      },
      async effects(users) {
        const [row] = await sql`
          select count(*)::int as count from audit_log
          where world_id = ${WORLD} and user_id = any(${users as string[]}::uuid[]) and actor_id = user_id`;
        return row!.count;
      },
    },
    async close() {
      moderator.close();
      meddler.close();
      await sql.end();
    },
  };
}

/** An account with a profile that makes lists big. */
async function addExtra(gateway: TestGateway, index: number): Promise<void> {
  const connection = await openConnection(gateway.world(WORLD));
  const profile = { display_name: `Extra ${index}`, text: "x".repeat(EXTRA_CHARACTERS) };
  await new Promise<void>((resolve, reject) => {
    connection.onMessage = (text) => {
      const [action, id] = JSON.parse(text);
      if (action === "authenticated") connection.send(JSON.stringify(["user.update", 1, { profile }]));
      else if (action === "success" && id === 1) resolve();
      else if (action === "error") reject(new Error(`an account for the list: ${text}`));
    };
    connection.onClose = (code) => reject(new Error(`an account for the list was closed with ${code}`));
    connection.send(JSON.stringify(["authenticate", { client_id: randomUUID() }]));
  });
  connection.close();
}
