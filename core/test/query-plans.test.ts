/**
 * Query plans: no statement that commands make reads a whole table, or all that a table has of a world, however
 * many accounts there are. The statements are those that the functions of `sql/` really issue.
 */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import t from "tap";
import { createTestStores } from "../../shared/testing/stores.ts";
import { positionAt } from "../position.ts";
import * as auditLog from "../sql/audit-log.ts";
import * as blocks from "../sql/blocks.ts";
import * as commandLog from "../sql/command-log.ts";
import type { Sql, Transaction } from "../sql/database.ts";
import * as grants from "../sql/grants.ts";
import * as invites from "../sql/invites.ts";
import * as logins from "../sql/logins.ts";
import * as ownUpdates from "../sql/own-updates.ts";
import * as searchEntries from "../sql/search-entries.ts";
import * as socialAccounts from "../sql/social-accounts.ts";
import * as ties from "../sql/tie-positions.ts";
import * as userLists from "../sql/user-lists.ts";
import * as moderation from "../sql/user-moderation.ts";
import * as userSearch from "../sql/user-search.ts";
import * as users from "../sql/users.ts";
import * as worlds from "../sql/worlds.ts";
import { fillWorlds, roomId, userId } from "./full-worlds.ts";
import { type PlanNode, readsTooMuch } from "./plan.ts";

const WORLD = "w";
const POSITION = positionAt(Date.now());

/** An id before all others. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

/** One account, and as many as one batch has. */
const few = [userId(WORLD, 77)];
const many = Array.from({ length: 500 }, (_, i) => userId(WORLD, i * 150 + 1));

const login = (values: { client_id?: string; token_id?: string; pretalx_id?: string }) => {
  const id = randomUUID();
  return {
    ...{ id, type: "person" as const, client_id: null, token_id: null, pretalx_id: null },
    ...{ profile: "{}", traits: ["ticket"], position: POSITION },
    ...{ commandId: `login.${id}`, world: WORLD, user: null },
    ...values,
  };
};

const audit = { actor: few[0]!, user: few[0]!, event: "profile" as const, data: "{}", commandId: "audit" };
const logged = (commandId: string) => ({ commandId, world: WORLD, user: few[0]!, position: POSITION });

const oneGrantEach = [null, roomId(WORLD, 1)].map((room) => ({ user: few[0]!, role: "moderator", room }));

/** Every function, as a command calls it. */
const calls: Record<string, ((sql: Sql, tx: Transaction) => Promise<unknown>)[]> = {
  selectUsers: [
    ...[few, many].map((ids) => (sql: Sql) => users.selectUsers(sql, WORLD, "id", ids)),
    ...(["client_id", "token_id", "pretalx_id"] as const).flatMap((key) =>
      [1, 500].map((count) => (sql: Sql) => {
        const values = Array.from({ length: count }, (_, i) => `${key} ${i * 7}`);
        return users.selectUsers(sql, WORLD, key, values);
      }),
    ),
  ],
  lockUsers: [few, many].map((ids) => (_, tx) => users.lockUsers(tx, WORLD, ids)),
  insertUsers: [
    (sql) => users.insertUsers(sql, WORLD, [login({ token_id: "new", pretalx_id: "pretalx_id 5" })]),
  ],
  insertLogins: [
    (sql) => users.insertLogins(sql, WORLD, [login({ token_id: "new too", pretalx_id: "pretalx_id 6" })]),
  ],
  touchLogins: [few, many].map((ids) => (sql) => {
    const touches = ids.map((id) => ({ id, traits: { found: "", position: POSITION } }));
    return users.touchLogins(sql, WORLD, touches);
  }),
  updateFromToken: [
    (_, tx) =>
      users.updateFromToken(tx, WORLD, few[0]!, {
        traits: ["x"],
        position: POSITION,
        pretalxId: "new",
      }),
  ],
  isPretalxIdTaken: [(sql) => users.isPretalxIdTaken(sql, WORLD, "pretalx_id 5")],
  writeOwnUpdates: [few, many].flatMap((ids) =>
    [true, false].map((isLogged) => async (_: Sql, tx: Transaction) => {
      const rows = await users.selectUsers(tx, WORLD, "id", ids);
      const updates = rows.map((known) => ({
        ...{ known, loginVersion: 1, commandId: `own.${isLogged}.${known.id}`, position: POSITION },
        ...{ profile: '{"a":1}', client_state: null },
      }));
      await ownUpdates.writeOwnUpdates(tx, WORLD, updates, isLogged);
    }),
  ),
  updateMergedProfile: [
    (_, tx) => users.updateMergedProfile(tx, WORLD, few[0]!, { profile: '{"a":1}', position: POSITION }),
  ],
  selectLinkSecret: [(sql) => socialAccounts.selectLinkSecret(sql, WORLD)],
  upsertSocialAccount: ["twitter", "linkedin"].map(
    (network) => (_, tx) =>
      socialAccounts.upsertSocialAccount(tx, WORLD, {
        ...{ user: few[0]!, network, externalId: "1", position: POSITION },
      }),
  ),
  insertInvitedGrants: [(_, tx) => users.insertInvitedGrants(tx, WORLD, userId(WORLD, 3), roomId(WORLD, 1))],
  selectUsersAnew: [few, many].map(
    (ids) => (sql: Sql) => users.selectUsersAnew(sql, WORLD, new Map(ids.map((id) => [id, null]))),
  ),
  selectNewerUsers: [few, many].map(
    (ids) => (sql) =>
      users.selectNewerUsers(
        sql,
        WORLD,
        ids.map((id) => [id, 0]),
      ),
  ),
  selectListed: [null, { name: "attendee 5", id: few[0]! }, { name: "", id: few[0]! }].map(
    (after) => (sql) => userLists.selectListed(sql, WORLD, { type: "person", banned: false }, after, 101),
  ),
  selectSearchMoment: [(sql) => searchEntries.selectSearchMoment(sql, WORLD)],
  selectSearchEntries: ["", "attendee 5"].map((name) => (sql) => {
    return searchEntries.selectSearchEntries(sql, WORLD, { name, id: few[0]! }, 1_000);
  }),
  // Of a world whose entries all came with one transaction: nothing new, and all of it.
  selectSearchChanges: ["1000000000:1000000000:", "100:100:"].map((since) => (sql) => {
    const after = { changed: since.split(":")[0]!, id: NOBODY };
    return searchEntries.selectSearchChanges(sql, WORLD, since, after, 1_000);
  }),
  selectActive: [few, many].map((ids) => (sql) => searchEntries.selectActive(sql, WORLD, ids, 0)),
  selectFolded: [(sql) => searchEntries.selectFolded(sql, "Term")],
  selectInvitedRoom: [(sql) => invites.selectInvitedRoom(sql, WORLD, "invite 5")],
  insertInvite: [
    (sql) => invites.insertInvite(sql, WORLD, { token: "new", roomImportId: "room 1", expiresInSeconds: 60 }),
  ],
  writeNewLogins: [
    (sql) => logins.writeNewLogins(sql, WORLD, [login({ client_id: "new" })]),
    (sql) => {
      const list = many.map((_, i) => login({ token_id: `new ${i}`, pretalx_id: `pretalx_id ${i}` }));
      return logins.writeNewLogins(sql, WORLD, list);
    },
  ],
  insertCommand: [(_, tx) => commandLog.insertCommand(tx, logged("one"), { result: {} })],
  selectAnswer: [(sql) => commandLog.selectAnswer(sql, WORLD, `${WORLD}.5`)],
  selectGreatestPosition: [(sql) => commandLog.selectGreatestPosition(sql)],
  insertAudit: [(sql) => auditLog.insertAudit(sql, WORLD, audit)],
  selectAudit: [(sql) => auditLog.selectAudit(sql, WORLD, few[0]!, 1_000)],
  selectUserTimes: [(sql) => users.selectUserTimes(sql, WORLD, few[0]!)],
  insertGrant: oneGrantEach.map((grant) => (_, tx) => grants.insertGrant(tx, WORLD, grant)),
  deleteGrant: oneGrantEach.map((grant) => (_, tx) => grants.deleteGrant(tx, WORLD, grant)),
  raiseVersion: [(_, tx) => grants.raiseVersion(tx, WORLD, few[0]!)],
  redactAudit: [(_, tx) => auditLog.redactAudit(tx, WORLD, few[0]!)],
  updateModeration: [
    (_, tx) =>
      moderation.updateModeration(tx, WORLD, few[0]!, {
        ...{ moderation_state: "banned", moderation_position: POSITION, reactivated_position: "" },
      }),
  ],
  markDeleted: [(_, tx) => moderation.markDeleted(tx, WORLD, few[0]!, POSITION)],
  deleteTies: [(_, tx) => moderation.deleteTies(tx, WORLD, few[0]!)],
  updateByAdmin: [
    (_, tx) => {
      const values = { profile: '{"a":2}', client_state: null, pretalx_id: "free", position: POSITION };
      return moderation.updateByAdmin(tx, WORLD, few[0]!, { ...values, changed: true });
    },
  ],
  insertKiosk: [(_, tx) => moderation.insertKiosk(tx, WORLD, randomUUID(), "{}", POSITION)],
  selectCutOff: [few, many].map(
    (ids) => (sql) =>
      moderation.selectCutOff(
        sql,
        WORLD,
        ids.map((id) => [id, 0]),
      ),
  ),
  insertBlock: [(_, tx) => blocks.insertBlock(tx, WORLD, few[0]!, userId(WORLD, 78))],
  deleteBlock: [(_, tx) => blocks.deleteBlock(tx, WORLD, few[0]!, userId(WORLD, 78))],
  moveTiePosition: [{ block: userId(WORLD, 78) }, { grant: "moderator", room: roomId(WORLD, 1) }].map(
    (tie) => (_, tx) => ties.moveTiePosition(tx, WORLD, few[0]!, tie, POSITION),
  ),
  deleteTiePositions: [(_, tx) => ties.deleteTiePositions(tx, WORLD, few[0]!)],
  selectBlocked: [(sql) => blocks.selectBlocked(sql, WORLD, few[0]!)],
  selectWorld: [(sql) => worlds.selectWorld(sql, WORLD)],
  selectWorldVersion: [(sql) => worlds.selectWorldVersion(sql, WORLD)],
  selectRooms: [(sql) => worlds.selectRooms(sql, WORLD)],
};

/** Reads all of a world because that is what was asked for. */
const readers = ["readListed"];

/** What no command calls: operators' functions, and the leader's, which reads as much as it removes. */
const callsOfOthers = [
  "selectWorlds",
  "upsertWorld",
  "replaceRooms",
  "deleteWorldRow",
  "pruneCommands",
  "pruneTiePositions",
];

/** What sets the planner right first: `search-plans.test.ts` looks at those. */
const callsWithSettings = Object.keys(userSearch);

t.test("every function of sql/ is looked at here", async (t) => {
  const accounts = [
    users,
    ownUpdates,
    userLists,
    userSearch,
    searchEntries,
    moderation,
    grants,
    blocks,
    ties,
    socialAccounts,
  ];
  const modules = [...accounts, invites, logins, commandLog, auditLog, worlds];
  const all = modules.flatMap((module) => Object.keys(module));
  const known = [...Object.keys(calls), ...readers, ...callsOfOthers, ...callsWithSettings];
  t.same(known.sort(), all.sort());
});

t.test("with 100,000 accounts in one world and 1,000 in another", async (t) => {
  const { databaseUrl } = await createTestStores(t);
  const issued: { text: string; parameters: unknown[] }[] = [];
  const debug = (_connection: number, text: string, parameters: unknown[]) => {
    issued.push({ text: text.trim(), parameters });
  };
  const sql: Sql = postgres(databaseUrl, { max: 2, debug });
  const plans = postgres(databaseUrl, { max: 1 });
  t.teardown(() => Promise.all([sql.end(), plans.end()]));
  await fillWorlds(sql, { [WORLD]: 100_000, other: 1_000 });

  const plan = async (options: string, text: string, parameters: unknown[] = []) => {
    const rows = await plans.unsafe(`explain (${options}format json) ${text}`, parameters as never[]);
    return rows[0]!["QUERY PLAN"][0].Plan as PlanNode;
  };

  t.test("a statement that reads too much would be seen", async (t) => {
    const seen = async (text: string) => readsTooMuch(await plan("", text));
    t.same(await seen("select from users where profile = '{}'"), ["Seq Scan on users"]);
    t.same(await seen("update audit_log set command_id = null where command_id = 'x'"), [
      "Seq Scan on audit_log",
    ]);
    t.match(await seen("select from users where world_id = 'other' and traits = '{x}'"), [
      /^(Bitmap )?Index Scan on users_\w+ by \(world_id = 'other'::text\)$/,
    ]);
  });

  for (const [name, variants] of Object.entries(calls)) {
    t.test(`${name} reads no more than it has to`, async (t) => {
      for (const call of variants) {
        issued.length = 0;
        await sql.begin((tx) => call(sql, tx));
        const statements = issued.filter(({ text }) => /^(select|insert|update|delete|with)\b/.test(text));
        t.not(statements.length, 0);
        for (const { text, parameters } of statements) {
          t.same(readsTooMuch(await plan("", text, parameters)), [], text);
          // What the database may turn to once a connection has run the statement five times.
          t.same(readsTooMuch(await plan("generic_plan, ", text)), [], `${text}, planned for any values`);
        }
      }
    });
  }
});
