/** Updates of one batch share a statement (`shared-writes.ts`), and none of them notices. */
import postgres from "postgres";
import t from "tap";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { positionAt } from "../position.ts";
import { writeOwnUpdates } from "../sql/own-updates.ts";
import { selectUsers } from "../sql/users.ts";
import { startTestWorker } from "./worker.ts";

const update = (name: string) => JSON.stringify(["user.update", 1, { profile: { display_name: name } }]);

t.test("updates that come together", async (t) => {
  const { databaseUrl, wire, sql, logIn } = await startTestWorker(t);
  const newUsers = (count: number, what: string) =>
    Promise.all(Array.from({ length: count }, (_, i) => logIn(`${what} ${i}`)));
  const answersTo = async (commands: Parameters<typeof wire.send>[0]) => {
    const { replies } = await wire.send(commands);
    return (await replies).map(({ frame }) => JSON.parse(frame as string));
  };
  const nameOf = async (id: string) => {
    const [row] = await sql`select profile ->> 'display_name' as name from users where id = ${id}`;
    return row!.name as string | null;
  };
  const success = ["success", 1, {}];

  await t.test("are one transaction, in which each has its version and its rows in both logs", async (t) => {
    const users = await newUsers(5, "together");
    const news = await Promise.all(users.map((user) => wire.listen("w", user)));
    const { replies } = await wire.send(users.map((user, i) => ({ user, frame: update(`name ${i}`) })));
    for (const { effect } of await replies) t.same(effect, { kind: "changed", version: 2 });
    const rows = await sql`
      select u.xmin::text as user_in, a.xmin::text as audit_in, c.xmin::text as command_in, u.version::int as version,
        a.data, u.profile
      from users u join audit_log a on a.user_id = u.id join command_log c on c.command_id = a.command_id
        and c.user_id = u.id and c.position = u.profile_position
      where u.id = any(${users})`;
    t.equal(rows.length, 5);
    t.equal(new Set(rows.flatMap((row) => [row.user_in, row.audit_in, row.command_in])).size, 1);
    for (const { version, data, profile } of rows) {
      t.equal(version, 2);
      t.same(data, { old: {}, new: profile, by_admin: false });
    }
    for (const [i, { next }] of news.entries()) {
      const { version, frame } = await next();
      t.match(JSON.parse(frame!), ["user.updated", { profile: { display_name: `name ${i}` } }]);
      t.equal(version, 2);
    }
  });

  await t.test("do not wait for an account that somebody else has locked", async (t) => {
    const [locked, free] = (await newUsers(2, "locked")) as [string, string];
    const other = postgres(databaseUrl, { max: 1 });
    t.teardown(() => other.end());
    await other`begin`;
    await other`select from users where id = ${locked} for update`;
    const { replies } = await wire.send([locked, free].map((user) => ({ user, frame: update("new") })));
    await waitFor("the other account's update", async () => (await nameOf(free)) === "new");
    t.equal(await nameOf(locked), null);
    await other`rollback`;
    for (const { frame } of await replies) t.strictSame(JSON.parse(frame as string), success);
    t.equal(await nameOf(locked), "new");
  });

  await t.test("of one account take effect in their order", async (t) => {
    const [user] = (await newUsers(1, "twice")) as [string];
    const commands = ["first", "second", "third"].map((name) => ({ user, frame: update(name) }));
    t.strictSame(await answersTo(commands), [success, success, success]);
    t.equal(await nameOf(user), "third");
  });

  await t.test("are refused each by itself", async (t) => {
    const [banned, other] = (await newUsers(2, "banned")) as [string, string];
    await sql`update users set moderation_state = 'banned' where id = ${banned}`;
    const [refused, done] = await answersTo([banned, other].map((user) => ({ user, frame: update("new") })));
    t.match(refused, ["error", 1, { code: "auth.denied" }]);
    t.strictSame(done, success);
    t.equal(await nameOf(banned), null);
    t.equal(await nameOf(other), "new");
  });

  await t.test("are refused also where the worker knows the account as it was before", async (t) => {
    const [banned, cutOff, demoted, other] = (await newUsers(4, "known")) as [string, string, string, string];
    const each = [banned, cutOff, demoted, other];
    const send = (name: string) =>
      answersTo(each.map((user) => ({ user, frame: update(name), loginVersion: 1 })));
    t.strictSame(await send("before"), [success, success, success, success]);
    await sql`update users set moderation_state = 'banned' where id = ${banned}`;
    await sql`update users set cut_off_version = version + 1, version = version + 1 where id = ${cutOff}`;
    await sql`update users set type = 'kiosk' where id = ${demoted}`;
    const answers = await send("after");
    for (const refused of answers.slice(0, 3)) t.match(refused, ["error", 1, { code: "auth.denied" }]);
    t.strictSame(answers[3], success);
    t.same(await Promise.all(each.map(nameOf)), ["before", "before", "before", "after"]);
  });

  await t.test("are permitted by what an account has become meanwhile", async (t) => {
    const [user] = (await newUsers(1, "returned")) as [string];
    await sql`update users set moderation_state = 'banned' where id = ${user}`;
    const [refused] = await answersTo([{ user, frame: update("banned") }]);
    t.match(refused, ["error", 1, { code: "auth.denied" }]);
    await sql`update users set moderation_state = '', traits = '{new}' where id = ${user}`;
    t.strictSame(await answersTo([{ user, frame: update("back") }]), [success]);
    t.equal(await nameOf(user), "back");
  });

  await t.test("change a value only where nothing newer is there, each by itself", async (t) => {
    const [user] = (await newUsers(1, "newer")) as [string];
    const far = positionAt(Date.now() + 60_000);
    await sql`update users set profile_position = ${far} where id = ${user}`;
    const frame = (body: object) => JSON.stringify(["user.update", 1, body]);
    const both = frame({ profile: { display_name: "late" }, client_state: { tab: 2 } });
    const { next } = await wire.listen("w", user);
    t.strictSame(await answersTo([{ user, frame: both }]), [success]);
    t.match(JSON.parse((await next()).frame!), ["user.updated", { profile: {}, client_state: { tab: 2 } }]);
    t.equal(await nameOf(user), null);
    t.strictSame(await answersTo([{ user, frame: update("late") }]), [success]);
    t.equal(await nameOf(user), null);
  });

  await t.test("take effect once, also where one of them has run before", async (t) => {
    const [before, other] = (await newUsers(2, "again")) as [string, string];
    const [first] = await answersTo([{ n: 1_000_000, user: before, frame: update("before") }]);
    t.strictSame(first, success);
    await answersTo([{ user: before, frame: update("after") }]);
    const again = await answersTo([
      { n: 1_000_000, user: before, frame: update("again") },
      { n: 1_000_001, user: other, frame: update("new") },
    ]);
    t.strictSame(again, [success, success]);
    t.equal(await nameOf(before), "after");
    t.equal(await nameOf(other), "new");
    const [logged] = await sql`select count(*)::int as count from audit_log where user_id = ${other}`;
    t.equal(logged!.count, 1);
  });
});

t.test(
  "what they were decided by holds until they are committed, whoever else writes meanwhile",
  async (t) => {
    const { sql, logIn } = await startTestWorker(t);
    const ids = await Promise.all([1, 2, 3].map((n) => logIn(`crowded ${n}`)));
    const known = await selectUsers(sql, "w", "id", ids);
    let place = 0;
    let written = 0;
    const write = async () => {
      for (let round = 0; round < 60; round++) {
        const position = positionAt(Date.now() + 60_000 + ++place);
        const updates = known.map((user) => ({
          ...{ known: user, loginVersion: 1, commandId: `crowded.${place}.${user.id}`, position },
          ...{ profile: `{"place":${place}}`, client_state: null },
        }));
        const found = await writeOwnUpdates(sql, "w", updates, true);
        written += found.size;
        for (const { row } of found.values()) {
          t.same(Object.keys(row).sort(), Object.keys(known[0]!).sort(), "all that there is of an account");
        }
      }
    };
    const moderate = async () => {
      for (let round = 0; round < 30; round++) {
        const id = ids[round % ids.length]!;
        const [banned] = await sql`
        update users set moderation_state = 'banned', version = version + 1 where id = ${id} returning profile`;
        await sql`update users set client_state = '{"banned":true}', version = version + 1 where id = ${id}`;
        const [after] = await sql`
        update users set moderation_state = '', version = version + 1 where id = ${id} returning profile`;
        t.same(after!.profile, banned!.profile, "nothing of somebody who is banned");
      }
    };
    await Promise.all([write(), write(), write(), moderate()]);
    t.ok(written > 0);
    const [sum] = await sql`select sum(version - 1)::int as changes from users where id = any(${ids})`;
    t.equal(sum!.changes, written + 3 * 30, "every change has its version");
    for (const id of ids) {
      const rows = await sql`
      select data from audit_log where user_id = ${id} and event = 'profile' order by (data #>> '{new,place}')::int`;
      const before = [{}, ...rows.map(({ data }) => data.new)].slice(0, -1);
      t.same(
        rows.map(({ data }) => data.old),
        before,
        "each began where the one before had ended",
      );
    }
  },
);
